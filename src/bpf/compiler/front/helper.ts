/** Lowers intrinsics that are calls of kernel helpers, by their descriptors. */
import type * as t from "@babel/types";
import type { HelperArgument, HelperLowering } from "../../intrinsic.ts";
import type { Operand } from "../../ir.ts";
import type { Schema } from "../../schema/types.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { mapOperand } from "./map-method.ts";
import { addressOf, fieldOf, hideMemory, placeOf } from "./memory.ts";
import { S32, U32, U64 } from "./type.ts";
import type { Value } from "./value.ts";
import { wrapped } from "./wide.ts";

/** The value of a call of an intrinsic that is a helper. */
export function lowerHelper(cx: Context, lowering: HelperLowering, node: t.CallExpression): Value {
  const lowered = node.arguments.map((argument) => lower(cx, argument));
  const keySchema = lowering.args
    .map((each) => (each.from === "map" ? lowered[each.argument] : undefined))
    .find((each) => each?.kind === "map")?.definition.key;
  const call: Call = { node, lowered, keySchema };
  const args = lowering.args.map((each) => lowerArgument(cx, each, call));
  if (lowering.args.some((each) => each.from === "function")) hideContexts(cx, lowering, call);
  return emitHelper(cx, lowering, args);
}

/**
 * Kernels before 6.8 verify a callback once, with what it is given as it is at the call, and take branches that would
 * then not be taken for dead. So nothing in a context that is ours is known to them.
 */
function hideContexts(cx: Context, { args }: HelperLowering, { lowered, node }: Call): void {
  for (const each of args) {
    if (each.from !== "reference") continue;
    const value = lowered[each.argument];
    if (value?.kind !== "reference" || value.memory !== "stack") continue;
    hideMemory(cx, placeOf(cx, value, node.arguments[each.argument]!));
  }
}

/** Emits the call; its result is what the descriptor says. */
export function emitHelper(
  cx: Context,
  lowering: Pick<HelperLowering, "id" | "name" | "returns" | "invalidatesPackets" | "pure">,
  args: readonly Operand[],
): Value {
  const { id, name, invalidatesPackets, pure, returns } = lowering;
  const { builder } = cx;
  const dst = returns === "void" ? undefined : builder.register();
  builder.emit({
    op: "helper",
    id,
    name,
    args,
    invalidatesPackets,
    ...(pure ? { pure } : {}),
    ...(dst === undefined ? {} : { dst }),
  });
  if (dst === undefined) return { kind: "void" };
  if (returns === "u64") return { kind: "u64", operand: { reg: dst }, ...U64 };
  if (returns === "s32") return { kind: "number", operand: { reg: dst }, ...S32, unproven: true };
  // Negative errnos of helpers that otherwise return a u32 wrap, and the verifier learns the bound.
  return { kind: "number", operand: builder.extend(32, false, { reg: dst }), ...U32 };
}

interface Call {
  readonly node: t.CallExpression;
  readonly lowered: readonly Value[];
  readonly keySchema: Schema | undefined;
}

function lowerArgument(cx: Context, argument: HelperArgument, call: Call): Operand {
  if (argument.from === "constant") return constant(argument.value);
  const node = call.node.arguments[argument.argument];
  const value = call.lowered[argument.argument];
  if (!node || !value) {
    if (argument.from === "length") return lowerArgument(cx, { from: "size", argument: argument.of }, call);
    if (argument.from === "value" || argument.from === "size") return constant(0);
    if (argument.from === "reference" && argument.nullable) return constant(0);
    throw cx.error("COMPILE_ARGUMENTS", `argument ${argument.argument + 1} is missing`, call.node);
  }
  switch (argument.from) {
    case "packet":
      if (value.kind !== "packet") throw mismatch(cx, node, value, "the packet");
      return { reg: value.reg };
    case "value":
      return numeric(cx, value, node);
    case "reference":
      if (argument.nullable && value.kind === "null") return constant(0);
      if (argument.nullable && value.kind === "reference") return { reg: addressOf(cx, value) };
      return { reg: addressOf(cx, placeOf(cx, value, node)) };
    case "size":
      return constant(lowerSize(cx, argument.argument, call));
    case "length":
      return lengthWithin(cx, value, node, lowerSize(cx, argument.of, call));
    case "map":
      return mapOperand(cx, value, node);
    case "field":
      return {
        reg: addressOf(cx, fieldOf(cx, placeOf(cx, value, node), fieldName(cx, call, argument.field), node)),
      };
    case "function":
      return callback(cx, argument, call, value, node);
  }
}

/** Bytes of the memory that an argument refers to; 0 for null. */
function lowerSize(cx: Context, argument: number, { lowered, node }: Call): number {
  const value = lowered[argument]!;
  return value.kind === "null" ? 0 : placeOf(cx, value, node.arguments[argument]!).schema.size;
}

/**
 * A length from 1 to `size`. All kernels' verifiers must see both bounds in the register that the helper takes, however
 * we came to know them, so they are stated again.
 */
function lengthWithin(cx: Context, value: Value, node: t.Node, size: number): Operand {
  if (value.kind !== "number") throw mismatch(cx, node, value, "a number of bytes");
  if (value.low < 1 || value.high > size) {
    throw cx.error(
      "COMPILE_RANGE",
      `the length is ${value.low} … ${value.high} and must be 1 … ${size}: test it before`,
      node,
    );
  }
  if (value.low === value.high) return value.operand;
  const { builder } = cx;
  const more = builder.moved(builder.alu("sub", 64, value.operand, constant(1)));
  const [over, done] = [builder.label(), builder.label()];
  builder.branch("gt", { reg: more }, constant(size - 1), over, done);
  builder.start(over);
  builder.emit({ op: "move", dst: more, src: constant(0) });
  builder.start(done);
  return builder.alu("add", 64, { reg: more }, constant(1));
}

function numeric(cx: Context, value: Value, node: t.Node): Operand {
  if (value.kind === "u64") return wrapped(cx, value, node, "passed").operand;
  if (value.kind !== "number") throw mismatch(cx, node, value, "a number or a u64");
  if (value.low < S32.low || value.high > U32.high) {
    throw cx.error("COMPILE_RANGE", "this number may not fit 32 bits: wrap it, (…) >>> 0", node);
  }
  return value.operand;
}

function fieldName(cx: Context, call: Call, index: number): string {
  const value = call.lowered[index];
  if (value?.kind === "text") return value.text;
  throw cx.error(
    "COMPILE_FIELD",
    'the field is named by a string literal: "field"',
    call.node.arguments[index] ?? call.node,
  );
}

function callback(
  cx: Context,
  argument: Extract<HelperArgument, { from: "function" }>,
  call: Call,
  value: Value,
  node: t.Node,
): Operand {
  if (value.kind !== "function") throw mismatch(cx, node, value, "the name of a kernel function");
  const { receives } = argument;
  const offered = receives.filter((each) => each !== "ignored").length;
  const { parameters } = cx.shared.signature(value.source);
  if (parameters.length > offered) {
    throw cx.error(
      "COMPILE_CALLBACK",
      `this callback is given ${offered} arguments and ${value.source.name} takes ${parameters.length}`,
      node,
    );
  }
  const convention = { kind: "callback", receives, keySchema: call.keySchema } as const;
  const name = cx.shared.require(value.source, convention, cx.position(node));
  const dst = cx.builder.register();
  cx.builder.emit({ op: "functionAddress", dst, function: name });
  return { reg: dst };
}
