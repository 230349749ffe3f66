/** Lowers what the packet offers: its fields and its headers (the program's context is `struct __sk_buff`). */
import type * as t from "@babel/types";
import type { Reg, Size } from "../../ir.ts";
import { isSchema } from "../../schema/index.ts";
import { constant } from "./builder.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { type Interval, schemaName, U16, U32, U64 } from "./type.ts";
import type { NumberValue, Value } from "./value.ts";

interface PacketField {
  /** In struct __sk_buff (include/uapi/linux/bpf.h), bytes. */
  readonly offset: number;
  readonly size?: Size;
  /** A 16-bit value in network order in a 32-bit field. */
  readonly network?: boolean;
  readonly writable?: boolean;
  readonly bounds?: Interval;
}

const FIELDS: Readonly<Record<string, PacketField>> = {
  length: { offset: 0 },
  type: { offset: 4 },
  mark: { offset: 8, writable: true },
  queue: { offset: 12, writable: true },
  protocol: { offset: 16, network: true, bounds: U16 },
  vlanPresent: { offset: 20 },
  vlanTag: { offset: 24 },
  vlanProtocol: { offset: 28, network: true, bounds: U16 },
  priority: { offset: 32, writable: true },
  ingressIfindex: { offset: 36 },
  ifindex: { offset: 40 },
  trafficClassIndex: { offset: 44, writable: true },
  hash: { offset: 68 },
  classId: { offset: 72, writable: true },
  timestamp: { offset: 152, size: 8, writable: true },
  wireLength: { offset: 160 },
  gsoSegments: { offset: 164 },
  gsoSize: { offset: 176 },
};

const DATA = 76;
const DATA_END = 80;

/** Reads and writes a field of the packet. */
export function packetField(
  cx: Context,
  packet: Reg,
  name: string | undefined,
  node: t.MemberExpression,
): { read(): Value; write(value: Value, at: t.Node): void } {
  const field = name !== undefined && Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  if (!field) {
    throw cx.error(
      "COMPILE_FIELD",
      `a packet has no field ${name ?? "by index"}; it has ${Object.keys(FIELDS).join(", ")}, and header(S, offset)`,
      node,
    );
  }
  const { builder } = cx;
  return {
    read() {
      const reg = builder.load(field.size ?? 4, packet, field.offset);
      if (field.size === 8) return { kind: "u64", operand: { reg }, ...U64 };
      const bounds = field.bounds ?? U32;
      if (!field.network) return { kind: "number", operand: { reg }, ...bounds };
      return { kind: "number", operand: builder.swap(16, { reg }), ...bounds, raw: { reg, bits: 16 } };
    },
    write(value, at) {
      if (!field.writable) throw cx.error("COMPILE_ASSIGNMENT", `${name} of a packet is read-only`, node);
      const wanted = field.size === 8 ? "u64" : "number";
      if (value.kind !== wanted) throw mismatch(cx, at, value, `a ${wanted}`);
      builder.store(field.size ?? 4, packet, field.offset, value.operand);
    },
  };
}

/**
 * `packet.header(S, offset)`: an address within the packet if all of S lies before the end of the directly accessible
 * bytes, else null. Written so that the verifier sees p = data + offset, p + size ≤ data_end.
 */
export function lowerHeader(cx: Context, packet: Reg, node: t.CallExpression): Value {
  const [schemaNode, offsetNode] = node.arguments;
  if (!schemaNode || !offsetNode || node.arguments.length !== 2) {
    throw cx.error(
      "COMPILE_ARGUMENTS",
      "header takes a schema and an offset: packet.header(S, offset)",
      node,
    );
  }
  const schema = lower(cx, schemaNode);
  if (schema.kind !== "static" || !isSchema(schema.value)) {
    throw cx.error("COMPILE_TYPE", "the first argument of header is an exported schema", schemaNode);
  }
  const offset = lower(cx, offsetNode);
  if (offset.kind !== "number") throw mismatch(cx, offsetNode, offset, "a number");
  if (offset.low < U16.low || offset.high > U16.high) {
    throw cx.error(
      "COMPILE_RANGE",
      `the offset is ${offset.low} … ${offset.high} and must be 0 … 65535: mask it with & 0xffff, or test it before`,
      offsetNode,
    );
  }
  return headerAt(cx, packet, schema.value, offset);
}

function headerAt(
  cx: Context,
  packet: Reg,
  schema: Extract<Value, { kind: "reference" }>["schema"],
  offset: NumberValue,
): Value {
  const { builder } = cx;
  const result = builder.register(schemaName(schema));
  builder.packetRegisters.add(result);
  const [inside, outside, done] = [builder.label(), builder.label(), builder.label()];
  // The verifier accepts packet offsets up to 65535 only, the size included.
  const most = U16.high - schema.size;
  if (offset.high > most || offset.unproven) {
    const near = builder.label();
    builder.branch("gt", offset.operand, constant(Math.min(most, offset.high)), outside, near);
    builder.start(near);
  }
  const data: Reg = builder.load(4, packet, DATA);
  const start =
    "value" in offset.operand && offset.operand.value === 0n
      ? builder.moved({ reg: data })
      : builder.inRegister(builder.alu("add", 64, { reg: data }, offset.operand));
  const end = builder.alu("add", 64, { reg: start }, constant(schema.size));
  const limit = builder.load(4, packet, DATA_END);
  builder.branch("gt", end, { reg: limit }, outside, inside);
  builder.start(inside);
  builder.emit({ op: "move", dst: result, src: { reg: start } });
  builder.jump(done);
  builder.start(outside);
  builder.emit({ op: "move", dst: result, src: constant(0) });
  builder.start(done);
  return {
    kind: "reference",
    base: result,
    offset: 0,
    schema,
    nullable: true,
    memory: "packet",
    align: 8,
    depth: 0,
  };
}
