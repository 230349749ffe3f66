import type { Scalar, Schema } from "../schema/types.ts";
import type { BtfBuilder } from "./builder.ts";
import type { BtfId } from "./types.ts";

/**
 * The BTF id of a schema. Timers and spin locks become `struct bpf_timer` and `struct bpf_spin_lock`: the kernel
 * finds them in a map's value by these names.
 */
export function schemaType(builder: BtfBuilder, schema: Schema): BtfId {
  switch (schema.kind) {
    case "scalar":
      return scalarType(builder, schema);
    case "timer":
      return timerType(builder);
    case "spinLock":
      return spinLockType(builder);
    case "array":
      return builder.add({
        kind: "array",
        element: schemaType(builder, schema.element as Schema),
        index: unsigned(builder, "u32", 4),
        length: schema.length,
      });
    case "struct":
      return builder.add({
        kind: "struct",
        name: identifier(schema.name),
        size: schema.size,
        members: schema.fields.map((field) => ({
          name: identifier(field.name),
          type: schemaType(builder, field.schema),
          bitOffset: field.offset * 8,
          bitSize: 0,
        })),
      });
  }
}

/** Whether memory of this schema holds a timer or a spin lock, for which the kernel insists on BTF. */
export function hasSpecialField(schema: Schema): boolean {
  switch (schema.kind) {
    case "scalar":
      return false;
    case "timer":
    case "spinLock":
      return true;
    case "array":
      return hasSpecialField(schema.element as Schema);
    case "struct":
      return schema.fields.some((field) => hasSpecialField(field.schema));
  }
}

/** The nearest name that the kernel accepts: a C identifier of at most 127 characters. */
export function identifier(name: string): string {
  const safe = name.replaceAll(/[^A-Za-z0-9_]/g, "_");
  return (/^[0-9]/.test(safe) || safe === "" ? `_${safe}` : safe).slice(0, 127);
}

function scalarType(builder: BtfBuilder, { name, size, signed }: Scalar): BtfId {
  return builder.add({ kind: "int", name, size, signed });
}

function unsigned(builder: BtfBuilder, name: string, size: number): BtfId {
  return builder.add({ kind: "int", name, size, signed: false });
}

/** `struct bpf_timer { u64 opaque[2]; }`: the kernel checks name, size and alignment, not the members. */
function timerType(builder: BtfBuilder): BtfId {
  const opaque = builder.add({
    kind: "array",
    element: unsigned(builder, "u64", 8),
    index: unsigned(builder, "u32", 4),
    length: 2,
  });
  const members = [{ name: "__opaque", type: opaque, bitOffset: 0, bitSize: 0 }];
  return builder.add({ kind: "struct", name: "bpf_timer", size: 16, members });
}

/** `struct bpf_spin_lock { u32 val; }` */
function spinLockType(builder: BtfBuilder): BtfId {
  const members = [{ name: "val", type: unsigned(builder, "u32", 4), bitOffset: 0, bitSize: 0 }];
  return builder.add({ kind: "struct", name: "bpf_spin_lock", size: 4, members });
}
