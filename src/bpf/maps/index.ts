export { ArrayMap, type ArrayOptions, arrayMap, PerCpuArrayMap, perCpuArrayMap } from "./array.ts";
export { ConstantsTable, constants } from "./constants.ts";
export { MapError } from "./errors.ts";
export { ANY, EXIST, NO_EXIST, RING_FORCE_WAKEUP, RING_NO_WAKEUP } from "./flags.ts";
export { HashMap, type HashOptions, hashMap, lruHashMap, PerCpuHashMap, perCpuHashMap } from "./hash.ts";
export { isMap, KernelMap } from "./kernel-map.ts";
export { LpmTrieMap, type LpmTrieOptions, lpmTrieMap } from "./lpm-trie.ts";
export { ArrayOfMaps, arrayOfMaps, HashOfMaps, type HashOfMapsOptions, hashOfMaps } from "./map-of-maps.ts";
export { RingBufferMap, ringBuffer } from "./ring-buffer.ts";
