/**
 * eBPF from TypeScript: schemas, maps and intrinsics of kernel TypeScript, its compiler, its loader and its simulator.
 * `docs/kernel-typescript.md` is the definition of the language.
 */

export { INTRINSIC, type Lowering, loweringOf } from "./intrinsic.ts";
export * from "./intrinsics/index.ts";
export type { MapDefinition, MapKind } from "./map.ts";
export type { MapElements, MapHandle } from "./map-handle.ts";
export * from "./maps/index.ts";
export { isOption, Option, type OptionDefinition, option } from "./option.ts";
export type { Packet } from "./packet.ts";
export * from "./schema/index.ts";
export * from "./simulator/index.ts";
export { type TypedDefinition, TypedMap, typedMap } from "./typed-map.ts";
