import { readFileSync } from "node:fs";
import { Btf } from "./parse.ts";
import type { BtfId, BtfMember } from "./types.ts";

/** Where a member lies in a kernel structure. */
export interface MemberPlace {
  /** From the start of the structure. */
  readonly bitOffset: number;
  /** Bits: of the bit field, or of the whole member; 0 for a member of unknown size (a flexible array). */
  readonly bitSize: number;
  readonly type: BtfId;
}

const VMLINUX = "/sys/kernel/btf/vmlinux";
let kernel: Btf | null | undefined;

/** The running kernel's own types, read once; null if it was built without CONFIG_DEBUG_INFO_BTF. */
export function kernelBtf(): Btf | null {
  if (kernel === undefined) {
    try {
      kernel = new Btf(readFileSync(VMLINUX));
    } catch {
      kernel = null;
    }
  }
  return kernel;
}

/**
 * Where `member` (a name, or names with dots for nested ones) lies in the running kernel's `struct name`;
 * members of anonymous structs and unions are found. Null if the kernel has no such member, or no BTF.
 */
export function kernelMemberOffset(name: string, member: string): MemberPlace | null {
  const btf = kernelBtf();
  if (btf === null) return null;
  for (const id of btf.find("struct", name)) {
    const place = memberPlace(btf, id, member.split("."));
    if (place !== null) return place;
  }
  return null;
}

/** As {@link kernelMemberOffset}, in any blob, from the type `id` on. */
export function memberPlace(btf: Btf, id: BtfId, path: readonly string[]): MemberPlace | null {
  const [name, ...rest] = path;
  const type = btf.type(plainType(btf, id));
  if (type.kind !== "struct" && type.kind !== "union") return null;
  for (const member of type.members) {
    const inner = member.name === name ? rest : member.name === "" ? path : undefined;
    if (inner === undefined) continue;
    if (inner.length === 0) return placeOf(btf, member);
    const place = memberPlace(btf, member.type, inner);
    if (place !== null) return { ...place, bitOffset: member.bitOffset + place.bitOffset };
  }
  return null;
}

function placeOf(btf: Btf, { type, bitOffset, bitSize }: BtfMember): MemberPlace {
  return { bitOffset, bitSize: bitSize > 0 ? bitSize : sizeOfType(btf, type) * 8, type };
}

/** The bytes of a type. */
export function sizeOfType(btf: Btf, id: BtfId): number {
  const type = btf.type(plainType(btf, id));
  switch (type.kind) {
    case "array":
      return type.length * sizeOfType(btf, type.element);
    case "pointer":
      return 8;
    case "functionPrototype":
    case "function":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
    case "typeTag":
      return 0;
    default:
      return type.size;
  }
}

/** The type behind typedefs and qualifiers. */
function plainType(btf: Btf, id: BtfId): BtfId {
  let current = id;
  for (;;) {
    const type = btf.type(current);
    if (!("type" in type) || type.kind === "pointer") return current;
    current = type.type;
  }
}
