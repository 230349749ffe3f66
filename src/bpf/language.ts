/**
 * Kernel TypeScript and its simulator: what kernel modules import, and what runs them in memory. Nothing here needs
 * Node, so it runs in a browser too. `docs/kernel-typescript.md` is the definition of the language.
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
