/** What random modules find where: shared by those who write them and those who run them. */
import { testMap } from "./maps.ts";

/** Bytes of the one element of the map. */
export const DATA_SIZE = 64;
export const DATA = testMap("data", DATA_SIZE);

/** Helpers the modules call, by their numbers in the kernel. */
export const HELPERS = { lookup: 1, update: 2, loadBytes: 26, loop: 181 } as const;

/** `cb[0]` of the context: five u32 that a program may read and write. */
export const CONTEXT_SCRATCH = 48;
export const CONTEXT_SCRATCH_SIZE = 20;

/** Where the context holds the addresses of the packet's first byte and of the one behind its last. */
export const CONTEXT_DATA = 76;
export const CONTEXT_DATA_END = 80;

/** Bytes of packet that `loadBytes` may read. */
export const PACKET_SIZE = 64;
