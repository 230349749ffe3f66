/** Lowers `at`: elements of arrays without a lookup, and tables of constants. */
import type * as t from "@babel/types";
import type { Reg } from "../../ir.ts";
import type { MapDefinition } from "../../map.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import {
  addressFrom,
  element,
  expectArguments,
  keyAddress,
  LOOKUP,
  type MapCall,
  mapOperand,
} from "./map-method.ts";
import { elementOf, type Place, read } from "./memory.ts";
import {
  constantNumber,
  constantWide,
  knownNumber,
  type NumberValue,
  type Value,
  type WideValue,
} from "./value.ts";

/** `array.at(constant)` */
export function elementAt(call: MapCall): Value {
  const { cx, map, node } = call;
  const { definition } = map;
  expectArguments(call, 1, 1, "at(constant index)");
  if (definition.kind !== "array") {
    throw cx.error("COMPILE_FIELD", `at(index) is for array maps: ${definition.name} has lookup(key)`, node);
  }
  const index = knownNumber(lower(cx, node.arguments[0]!));
  if (index === undefined) {
    throw cx.error(
      "COMPILE_CONSTANT",
      "the index of at(…) is a constant: for others use lookup(index), which may give null",
      node.arguments[0]!,
    );
  }
  if (index < 0 || index >= definition.entries) {
    throw cx.error(
      "COMPILE_INDEX",
      `${definition.name} has ${definition.entries} elements, and the index is ${index}`,
      node.arguments[0]!,
    );
  }
  if (map.reg === undefined && definition.entries === 1) {
    return element(call, mapValueAddress(cx, definition, 0), false);
  }
  return elementOrLeave(call);
}

function mapValueAddress(cx: Context, map: MapDefinition, offset: number): Reg {
  const dst = cx.builder.register(map.name);
  cx.builder.emit({ op: "mapValueAddress", dst, map, offset });
  return dst;
}

/** The kernel gives direct addresses only of one-element arrays; here the lookup cannot fail, but must be tested. */
function elementOrLeave(call: MapCall): Value {
  const { cx, map } = call;
  if (cx.returns.kind === "reference" && !cx.returns.nullable) {
    throw cx.error("COMPILE_UNSUPPORTED", "use lookup(index) here, and test the result", call.node);
  }
  const reg = addressFrom(cx, LOOKUP, [mapOperand(cx, map, call.object), keyAddress(call)]);
  const [found, missing] = [cx.builder.label(), cx.builder.label()];
  cx.builder.branch("ne", { reg }, constant(0), found, missing);
  cx.builder.start(missing);
  const leavesNothing = cx.returns.kind === "void" && cx.convention.kind === "direct";
  cx.builder.leave(leavesNothing ? undefined : constant(0));
  cx.builder.start(found);
  return element(call, reg, false);
}

/** `table.at(i)`: 0 out of range. */
export function constantAt(call: MapCall): Value {
  const { cx, map, node } = call;
  const { definition } = map;
  expectArguments(call, 1, 1, "at(index)");
  const index = lower(cx, node.arguments[0]!);
  if (index.kind !== "number") throw mismatch(cx, node.arguments[0]!, index, "a number");
  const { value: table, values = [] } = definition;
  if (table.kind !== "array" || table.element.kind !== "scalar") {
    throw cx.error("COMPILE_TYPE", `${definition.name} is no table of numbers`, node);
  }
  const wide = table.element.size === 8;
  const known = knownNumber(index);
  if (known !== undefined) {
    const value = values[known] ?? 0;
    return wide ? constantWide(BigInt(value)) : constantNumber(Number(value));
  }
  return loadConstant(cx, node, definition, index, values);
}

function loadConstant(
  cx: Context,
  node: t.Node,
  table: MapDefinition,
  index: NumberValue,
  values: readonly (number | bigint)[],
): Value {
  const { builder } = cx;
  const whole: Place = {
    kind: "reference",
    base: mapValueAddress(cx, table, 0),
    offset: 0,
    schema: table.value,
    nullable: false,
    memory: "map",
    align: 8,
    depth: 0,
  };
  if (index.low >= 0 && index.high < values.length) {
    return read(cx, elementOf(cx, whole, index, node), node);
  }
  const result = builder.moved(constant(0));
  const [inside, done] = [builder.label(), builder.label()];
  // A negative index is a large unsigned number.
  builder.branch("lt", index.operand, constant(values.length), inside, done);
  builder.start(inside);
  const bounded: NumberValue = { kind: "number", operand: index.operand, low: 0, high: values.length - 1 };
  const value = read(cx, elementOf(cx, whole, bounded, node), node) as NumberValue | WideValue;
  builder.emit({ op: "move", dst: result, src: value.operand });
  builder.start(done);
  const operand = { reg: result };
  if (value.kind === "u64") return { kind: "u64", operand, low: value.low, high: value.high };
  return { kind: "number", operand, low: Math.min(0, value.low), high: value.high };
}
