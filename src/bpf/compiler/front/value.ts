/** What an expression is while it is being lowered: registers with what is known about them. */
import type { Operand, Reg } from "../../ir.ts";
import type { MapDefinition } from "../../map.ts";
import type { Schema } from "../../schema/types.ts";
import type { FunctionSource } from "./program.ts";
import { type Type, U64 } from "./type.ts";

/** A number; its register holds exactly this number, sign-extended. */
export interface NumberValue {
  readonly kind: "number";
  readonly operand: Operand;
  readonly low: number;
  readonly high: number;
  /** The kernel's verifier does not follow how the bounds came about: they need a check before they address memory. */
  readonly unproven?: boolean;
  /** The register holds the number modulo 2^32, zero-extended: enough for bit operators only. */
  readonly truncated?: true;
  /** The same number in network byte order, as it was loaded. */
  readonly raw?: { readonly reg: Reg; readonly bits: 16 | 32 };
}

/** A u64; outside 0 … 2^64-1 the register holds it modulo 2^64 and few operations are allowed. */
export interface WideValue {
  readonly kind: "u64";
  readonly operand: Operand;
  readonly low: bigint;
  readonly high: bigint;
  readonly raw?: { readonly reg: Reg; readonly bits: 64 };
}

export interface BooleanValue {
  readonly kind: "boolean";
  readonly operand: Operand;
}

/** Memory at `base + offset`. A nullable one has offset 0 and may be 0. */
export interface ReferenceValue {
  readonly kind: "reference";
  readonly base: Reg;
  readonly offset: number;
  readonly schema: Schema;
  readonly nullable: boolean;
  readonly memory: Memory;
  /** Known alignment of `base` in bytes; 8 for packets, where the kernel asks for none. */
  readonly align: number;
  /** Memory "stack": how deep in loops its `make` stands. */
  readonly depth: number;
}

/** Where a reference points, as far as it is known. */
export type Memory = "stack" | "map" | "packet" | "unknown";

/** A map: a value of the program, or what a lookup in a map of maps gave. */
export interface MapValue {
  readonly kind: "map";
  readonly definition: MapDefinition;
  readonly reg?: Reg;
  readonly nullable: boolean;
}

export type Value =
  | NumberValue
  | WideValue
  | BooleanValue
  | ReferenceValue
  | MapValue
  | { readonly kind: "null" }
  | { readonly kind: "packet"; readonly reg: Reg }
  | { readonly kind: "void" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "function"; readonly source: FunctionSource }
  /** Anything else that the evaluated module holds: a schema, an option, an intrinsic. */
  | { readonly kind: "static"; readonly value: unknown }
  | { readonly kind: "namespace"; readonly id: string };

export function constantNumber(value: number): NumberValue {
  const exact = value === 0 ? 0 : value;
  return { kind: "number", operand: { value: BigInt(exact) }, low: exact, high: exact };
}

export function constantWide(value: bigint): WideValue {
  return { kind: "u64", operand: { value: BigInt.asUintN(64, value) }, low: value, high: value };
}

export function constantBoolean(value: boolean): BooleanValue {
  return { kind: "boolean", operand: { value: value ? 1n : 0n } };
}

/** The number, if it is known. */
export function knownNumber(value: Value): number | undefined {
  return value.kind === "number" && value.low === value.high ? value.low : undefined;
}

export function knownWide(value: Value): bigint | undefined {
  return value.kind === "u64" && value.low === value.high ? value.low : undefined;
}

export function knownBoolean(value: Value): boolean | undefined {
  return value.kind === "boolean" && "value" in value.operand ? value.operand.value !== 0n : undefined;
}

/** A register that holds a value of `type`, about which nothing more is known. */
export function valueOfType(type: Type, reg: Reg): Value {
  switch (type.kind) {
    case "number":
      return { kind: "number", operand: { reg }, low: type.low, high: type.high };
    case "u64":
      return { kind: "u64", operand: { reg }, ...U64 };
    case "boolean":
      return { kind: "boolean", operand: { reg } };
    case "packet":
      return { kind: "packet", reg };
    case "void":
      return { kind: "void" };
    case "reference":
      return {
        kind: "reference",
        base: reg,
        offset: 0,
        schema: type.schema,
        nullable: type.nullable,
        memory: "unknown",
        align: type.schema.align,
        depth: 0,
      };
  }
}
