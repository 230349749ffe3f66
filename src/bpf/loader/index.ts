/**
 * The loader of eBPF: maps, programs and links in the running kernel. For Node on Linux; all calls are synchronous
 * and act on the calling thread's network namespace.
 *
 *     const maps = new Map(program.maps.map((map) => [map.name, createMap(map)]));
 *     const loaded = loadProgram(program, maps);
 *     const link = attachTcx(loaded, ifindex);
 */
export type { Attachment, Direction } from "./attachment.ts";
export { attachClsact, ClsactFilter, type ClsactOptions, openClsact } from "./clsact.ts";
export { possibleCpus } from "./cpus.ts";
export {
  ForeignPinError,
  type MapShape,
  MissingFeatureError,
  ProgramFormatError,
  VerifierError,
} from "./errors.ts";
export { type Feature, type FeatureName, feature, features, requireFeature } from "./features.ts";
export { type LinkInfo, linkInfo, type MapInfo, mapInfo, type ProgramInfo, programInfo } from "./info.ts";
export { LoadedMap } from "./loaded-map.ts";
export { LoadedProgram, openProgram } from "./loaded-program.ts";
export { createMap, freezeMap, type MapOptions } from "./map-create.ts";
export { definitionShape, mapById, type OpenMapOptions, openMap } from "./map-open.ts";
export { linkById, objectIds, programById } from "./objects.ts";
export { Pinned, type PinOptions, sweepPins, unpin } from "./pinned.ts";
export { LOG_LEVEL } from "./program-attributes.ts";
export { type LoadOptions, loadProgram, verifierLog } from "./program-load.ts";
export { pollRing, type RingPoller, type RingPollerOptions } from "./ring-poller.ts";
export { deserializeProgram, FORMAT_VERSION, StaleProgramError, serializeProgram } from "./serialize.ts";
export type { RunContext } from "./skb-context.ts";
export { type AttachedProgram, type AttachOptions, attachTcx, openLink, queryTcx, TcxLink } from "./tcx.ts";
export type { RunInput, RunResult } from "./test-run.ts";
