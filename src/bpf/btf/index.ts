/** BTF: the kernel's type format. Types of maps and programs are written, the kernel's own are read. */
export { BtfBuilder } from "./builder.ts";
export { kernelBtf, kernelMemberOffset, type MemberPlace, memberPlace, sizeOfType } from "./kernel.ts";
export { Btf, BtfFormatError } from "./parse.ts";
export { FUNC_INFO_SIZE, LINE_INFO_SIZE, type ProgramBtf, programBtf } from "./program.ts";
export { hasSpecialField, identifier, schemaType } from "./schema.ts";
export type * from "./types.ts";
