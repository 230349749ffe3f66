/**
 * BTF, the kernel's type format, as plain data: a type refers to another by its id. Id 0 is void; the first type
 * of a blob has id 1. Layout: Documentation/bpf/btf.rst and include/uapi/linux/btf.h.
 */

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
/** The header: u16 magic, u8 version, u8 flags, u32 header length, u32 offset and length of types and of strings. */
export const BTF_HEADER_SIZE = 24;
/** Name offset u32, info u32 (vlen bits 0–15, kind bits 24–28, kind flag bit 31), size or type u32. */
export const BTF_TYPE_SIZE = 12;

/** The kind numbers of bits 24–28 of a type's info. */
export const BTF_KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  functionPrototype: 13,
  variable: 14,
  dataSection: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Identifies a type within its blob; 0 is void. */
export type BtfId = number;

export interface BtfInt {
  readonly kind: "int";
  readonly name: string;
  /** Bytes: 1, 2, 4, 8 or 16. */
  readonly size: number;
  readonly signed: boolean;
}

export interface BtfArray {
  readonly kind: "array";
  readonly element: BtfId;
  readonly index: BtfId;
  readonly length: number;
}

/** A member of a struct or a union. */
export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly type: BtfId;
  /** From the start of the struct. */
  readonly bitOffset: number;
  /** Width of a bit field; 0 for an ordinary member. */
  readonly bitSize: number;
}

export interface BtfStruct {
  readonly kind: "struct" | "union";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** A pointer, or a qualifier around another type. */
export interface BtfReference {
  readonly kind: "pointer" | "typedef" | "volatile" | "const" | "restrict" | "typeTag";
  readonly name: string;
  readonly type: BtfId;
}

export interface BtfFunctionPrototype {
  readonly kind: "functionPrototype";
  readonly returns: BtfId;
  readonly parameters: readonly { readonly name: string; readonly type: BtfId }[];
}

export interface BtfFunction {
  readonly kind: "function";
  readonly name: string;
  readonly prototype: BtfId;
  readonly linkage: "static" | "global" | "extern";
}

/** Kinds that a reader meets in the kernel's own BTF and that nothing here looks into. */
export interface BtfOther {
  readonly kind: "enum" | "enum64" | "forward" | "variable" | "dataSection" | "float" | "declarationTag";
  readonly name: string;
  /** Bytes, where the kind has a size; otherwise 0. */
  readonly size: number;
}

export type BtfType =
  | BtfInt
  | BtfArray
  | BtfStruct
  | BtfReference
  | BtfFunctionPrototype
  | BtfFunction
  | BtfOther;

/** What {@link BtfBuilder} can write. */
export type BtfWritable = Exclude<BtfType, BtfOther>;
