/** Lowers the methods of maps to helper calls. */
import type * as t from "@babel/types";
import type { Operand, Reg } from "../../ir.ts";
import type { MapDefinition } from "../../map.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { lower, mismatch } from "./expression.ts";
import { emitHelper } from "./helper.ts";
import { addressOf, elementOf, type Place, placeOf, read, write } from "./memory.ts";
import { intervalOf, sameSchema, schemaName, within } from "./type.ts";
import {
  constantNumber,
  constantWide,
  knownNumber,
  type MapValue,
  type NumberValue,
  type Value,
  type WideValue,
} from "./value.ts";

/** Helper numbers as in include/uapi/linux/bpf.h. */
const LOOKUP = { id: 1, name: "map_lookup_elem" };
const UPDATE = { id: 2, name: "map_update_elem" };
const DELETE = { id: 3, name: "map_delete_elem" };
const OUTPUT = { id: 130, name: "ringbuf_output" };
const LOOKUP_ON = { id: 195, name: "map_lookup_percpu_elem" };

/** The map as helpers take it. */
export function mapOperand(cx: Context, value: Value, node: t.Node): Operand {
  if (value.kind !== "map") throw mismatch(cx, node, value, "a map");
  if (value.nullable) {
    throw cx.error(
      "COMPILE_NULL",
      "the map may be null here: test it before, `if (map === null) return …`",
      node,
    );
  }
  if (value.reg !== undefined) return { reg: value.reg };
  const dst = cx.builder.register();
  cx.builder.emit({ op: "mapAddress", dst, map: value.definition });
  return { reg: dst };
}

/** The value of `map.name(…)`. */
export function lowerMapMethod(
  cx: Context,
  map: MapValue,
  name: string | undefined,
  node: t.CallExpression,
  callee: t.MemberExpression,
): Value {
  const call: MapCall = { cx, map, node, object: callee.object };
  switch (name) {
    case "lookup":
      return lookup(call);
    case "lookupOn":
      return lookupOn(call);
    case "lookupMap":
      return lookupMap(call);
    case "update":
      return update(call);
    case "delete": {
      expectArguments(call, 1, 1, "delete(key)");
      const key = keyAddress(call);
      return errno(cx, DELETE, [mapOperand(cx, map, call.object), key]);
    }
    case "output":
      return output(call);
    case "at":
      return map.definition.kind === "constants" ? constantAt(call) : elementAt(call);
    default:
      throw cx.error(
        "COMPILE_FIELD",
        `maps have no method ${name ?? "by index"}: there are lookup, lookupOn, lookupMap, update, delete, at and output`,
        callee,
      );
  }
}

interface MapCall {
  readonly cx: Context;
  readonly map: MapValue;
  readonly node: t.CallExpression;
  readonly object: t.Node;
}

function expectArguments({ cx, node }: MapCall, least: number, most: number, form: string): void {
  const count = node.arguments.length;
  if (count < least || count > most) throw cx.error("COMPILE_ARGUMENTS", `write ${form}`, node);
}

function errno(cx: Context, helper: { id: number; name: string }, args: readonly Operand[]): Value {
  return emitHelper(cx, { ...helper, returns: "s32", invalidatesPackets: false, pure: false }, args);
}

/** Calls a helper that gives an address or 0. */
function addressFrom(cx: Context, helper: { id: number; name: string }, args: readonly Operand[]): Reg {
  const dst = cx.builder.register();
  cx.builder.emit({ op: "helper", ...helper, dst, args, invalidatesPackets: false });
  return dst;
}

function element({ cx, map }: MapCall, base: Reg, nullable: boolean): Value {
  const schema = map.definition.value;
  cx.builder.names.set(base, map.definition.name);
  return { kind: "reference", base, offset: 0, schema, nullable, memory: "map", align: 8, depth: 0 };
}

function lookup(call: MapCall): Value {
  const { cx, map } = call;
  if (map.definition.inner) {
    throw cx.error("COMPILE_FIELD", `${map.definition.name} holds maps: use lookupMap(key)`, call.node);
  }
  expectArguments(call, 1, 1, "lookup(key)");
  const key = keyAddress(call);
  return element(call, addressFrom(cx, LOOKUP, [mapOperand(cx, map, call.object), key]), true);
}

function lookupOn(call: MapCall): Value {
  const { cx, map, node } = call;
  expectArguments(call, 2, 2, "lookupOn(key, cpu)");
  const key = lower(cx, node.arguments[0]!);
  const cpu = lower(cx, node.arguments[1]!);
  if (cpu.kind !== "number") throw mismatch(cx, node.arguments[1]!, cpu, "the number of a CPU");
  const args = [mapOperand(cx, map, call.object), keyAddress(call, key), cpu.operand];
  return element(call, addressFrom(cx, LOOKUP_ON, args), true);
}

function lookupMap(call: MapCall): Value {
  const { cx, map } = call;
  const { inner } = map.definition;
  if (!inner)
    throw cx.error("COMPILE_FIELD", `${map.definition.name} holds no maps: use lookup(key)`, call.node);
  expectArguments(call, 1, 1, "lookupMap(key)");
  const key = keyAddress(call);
  const reg = addressFrom(cx, LOOKUP, [mapOperand(cx, map, call.object), key]);
  return { kind: "map", definition: inner, reg, nullable: true };
}

function update(call: MapCall): Value {
  const { cx, map, node } = call;
  expectArguments(call, 2, 3, "update(key, value, flags)");
  const [keyNode, valueNode] = [node.arguments[0]!, node.arguments[1]!];
  const [key, value] = [lower(cx, keyNode), lower(cx, valueNode)];
  const flags = flagsOf(call, 2);
  const addresses = [keyAddress(call, key), memoryOf(call, value, valueNode, map.definition.value, "value")];
  return errno(cx, UPDATE, [mapOperand(cx, map, call.object), ...addresses, flags]);
}

function output(call: MapCall): Value {
  const { cx, map, node } = call;
  expectArguments(call, 1, 2, "output(view, flags)");
  const place = placeOf(cx, lower(cx, node.arguments[0]!), node.arguments[0]!);
  const data = { reg: addressOf(cx, place) };
  const args = [mapOperand(cx, map, call.object), data, constant(place.schema.size), flagsOf(call, 1)];
  return errno(cx, OUTPUT, args);
}

function flagsOf({ cx, node }: MapCall, index: number): Operand {
  const argument = node.arguments[index];
  if (!argument) return constant(0);
  const flags = lower(cx, argument);
  if (flags.kind !== "number" || flags.low < 0) throw mismatch(cx, argument, flags, "flags, 0 or more,");
  return flags.operand;
}

function keyAddress(call: MapCall, key?: Value): Operand {
  const argument = call.node.arguments[0]!;
  return memoryOf(call, key ?? lower(call.cx, argument), argument, call.map.definition.key, "key");
}

/**
 * The address of a key or a value: a reference's own, or that of a stack slot for a number. Another call may use the
 * same slot, so all arguments are lowered before.
 */
function memoryOf(
  { cx, map }: MapCall,
  value: Value,
  argument: t.Node,
  schema: Schema,
  purpose: "key" | "value",
): Operand {
  if (schema.kind !== "scalar") {
    const place = placeOf(cx, value, argument);
    if (!sameSchema(place.schema, schema)) {
      throw cx.error(
        "COMPILE_TYPE",
        `a ${purpose} of ${map.definition.name} is a ${schemaName(schema)}, and this refers to ${schemaName(place.schema)}`,
        argument,
      );
    }
    return { reg: addressOf(cx, place) };
  }
  if (value.kind === "number" && !within(value, intervalOf(schema))) {
    throw cx.error(
      "COMPILE_RANGE",
      `a ${purpose} of ${map.definition.name} is a ${schema.name}: wrap the number`,
      argument,
    );
  }
  const base = scratch(cx, purpose);
  const place: Place = {
    kind: "reference",
    base,
    offset: 0,
    schema,
    nullable: false,
    memory: "stack",
    align: 8,
    depth: cx.loopDepth,
  };
  write(cx, place, value, argument);
  return { reg: base };
}

/** The address of 8 bytes that are used by one helper call only. */
function scratch(cx: Context, purpose: string): Reg {
  const slot = cx.scratch.get(purpose);
  if (slot === undefined) {
    cx.scratch.set(purpose, cx.builder.slots.length);
    return cx.builder.slot(8, purpose);
  }
  const dst = cx.builder.register(purpose);
  cx.builder.emit({ op: "stackAddress", dst, slot });
  return dst;
}

/** `array.at(constant)` */
function elementAt(call: MapCall): Value {
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
function constantAt(call: MapCall): Value {
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
