/** Lowers the methods of maps to helper calls. */
import type * as t from "@babel/types";
import type { Operand, Reg } from "../../ir.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { emitHelper } from "./helper.ts";
import { constantAt, elementAt } from "./map-at.ts";
import { addressOf, type Place, placeOf, write } from "./memory.ts";
import { intervalOf, sameSchema, schemaName, within } from "./type.ts";
import type { MapValue, NumberValue, Value } from "./value.ts";

/** Helper numbers as in include/uapi/linux/bpf.h. */
export const LOOKUP = { id: 1, name: "map_lookup_elem" };
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

export interface MapCall {
  readonly cx: Context;
  readonly map: MapValue;
  readonly node: t.CallExpression;
  readonly object: t.Node;
}

export function expectArguments({ cx, node }: MapCall, least: number, most: number, form: string): void {
  const count = node.arguments.length;
  if (count < least || count > most) throw cx.error("COMPILE_ARGUMENTS", `write ${form}`, node);
}

/** Calls a helper that gives 0 or a negative errno. */
function errno(cx: Context, helper: { id: number; name: string }, args: readonly Operand[]): Value {
  const lowering = { ...helper, returns: "s32", invalidatesPackets: false, pure: false } as const;
  const result = emitHelper(cx, lowering, args) as NumberValue;
  // Before Linux 6.4 the operations of maps, which the kernel calls directly, return an int: 32 bits are right.
  return { ...result, operand: cx.builder.extend(32, true, result.operand) };
}

/** Calls a helper that gives an address or 0. */
export function addressFrom(
  cx: Context,
  helper: { id: number; name: string },
  args: readonly Operand[],
): Reg {
  const dst = cx.builder.register();
  cx.builder.emit({ op: "helper", ...helper, dst, args, invalidatesPackets: false });
  return dst;
}

export function element({ cx, map }: MapCall, base: Reg, nullable: boolean): Value {
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

export function keyAddress(call: MapCall, key?: Value): Operand {
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
  const base = scratch(cx, purpose, schema.size);
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

/**
 * The address of so many bytes that are used by one helper call only. Not more than are written: what the call seems to read besides would
 * have to be kept from the function's beginning on, and could share its place with nothing.
 */
function scratch(cx: Context, purpose: string, size: number): Reg {
  const name = `${purpose}${size}`;
  const slot = cx.scratch.get(name);
  if (slot === undefined) {
    cx.scratch.set(name, cx.builder.slots.length);
    return cx.builder.slot(size, purpose);
  }
  const dst = cx.builder.register(purpose);
  cx.builder.emit({ op: "stackAddress", dst, slot });
  return dst;
}
