import { ethtool } from "./ethtool.ts";

/** Commands of ethtool about features by name: include/uapi/linux/ethtool.h. */
const COMMAND = { GSTRINGS: 0x1b, GSSET_INFO: 0x37, GFEATURES: 0x3a, SFEATURES: 0x3b } as const;
const FEATURE_NAMES = 4;
const NAME_BYTES = 32;
const FEATURES_PER_BLOCK = 32;

/** Features of an interface by the kernel's names ("rx-lro", "rx-gro-list"…), and which of them are on. */
export function linkFeatures(link: string): ReadonlyMap<string, boolean> {
  const names = featureNames(link);
  // struct ethtool_gfeatures: command, blocks, then for each block: available, requested, active, never changed.
  const blocks = Math.ceil(names.length / FEATURES_PER_BLOCK);
  const words = new Uint32Array(2 + 4 * blocks);
  words.set([COMMAND.GFEATURES, blocks]);
  ethtool(link, words, `ethtool -k ${link}`);
  const isOn = (index: number): boolean =>
    ((words[2 + 4 * Math.floor(index / FEATURES_PER_BLOCK) + 2]! >>> (index % FEATURES_PER_BLOCK)) & 1) === 1;
  return new Map(names.map((name, index) => [name, isOn(index)]));
}

/**
 * Turns a feature on or off by the kernel's name for it, as `ethtool -K` does. A driver may refuse without an error:
 * {@link linkFeatures} tells. Throws RangeError for a name that this kernel does not know.
 */
export function setLinkFeature(link: string, feature: string, on: boolean): void {
  const names = featureNames(link);
  const index = names.indexOf(feature);
  if (index < 0) throw new RangeError(`this kernel has no interface feature "${feature}"`);
  // struct ethtool_sfeatures: command, blocks, then for each block: which are meant, which of them shall be on.
  const blocks = Math.ceil(names.length / FEATURES_PER_BLOCK);
  const words = new Uint32Array(2 + 2 * blocks);
  words.set([COMMAND.SFEATURES, blocks]);
  const bit = (1 << (index % FEATURES_PER_BLOCK)) >>> 0;
  const at = 2 + 2 * Math.floor(index / FEATURES_PER_BLOCK);
  words.set([bit, on ? bit : 0], at);
  ethtool(link, words, `ethtool -K ${link} ${feature} ${on ? "on" : "off"}`);
}

/** In the order of their bits; "" for bits without a name. */
function featureNames(link: string): string[] {
  // struct ethtool_sset_info: command, reserved, mask of the sets asked for (8 bytes), then the size of each.
  const sizes = new Uint32Array(5);
  sizes.set([COMMAND.GSSET_INFO, 0, 1 << FEATURE_NAMES]);
  ethtool(link, sizes, `ethtool -k ${link} (how many features)`);
  const count = sizes[4]!;
  // struct ethtool_gstrings: command, set, how many, then the names.
  const words = new Uint32Array(3 + (count * NAME_BYTES) / 4);
  words.set([COMMAND.GSTRINGS, FEATURE_NAMES, count]);
  ethtool(link, words, `ethtool -k ${link} (their names)`);
  const bytes = new Uint8Array(words.buffer, 12);
  return Array.from({ length: count }, (_, index) => {
    const name = bytes.subarray(index * NAME_BYTES, (index + 1) * NAME_BYTES);
    const end = name.indexOf(0);
    return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
  });
}
