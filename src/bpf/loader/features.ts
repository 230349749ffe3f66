import { MissingFeatureError, VerifierError } from "./errors.ts";
import { PROBES } from "./probes.ts";

/** The name of something that a kernel may have or lack; see PROBES for what each is. */
export type FeatureName = keyof typeof PROBES;

/** Whether the kernel has it, and if not, why we think so. */
export type Feature = { readonly available: true } | { readonly available: false; readonly reason: string };

const known = new Map<FeatureName, Feature>();

/** Whether the running kernel has a feature, found by trying it, once in a process. Needs root. */
export function feature(name: FeatureName): Feature {
  let found = known.get(name);
  if (found === undefined) {
    found = probe(name);
    known.set(name, found);
  }
  return found;
}

/** Throws {@link MissingFeatureError} with the reason unless the kernel has the feature. */
export function requireFeature(name: FeatureName): void {
  const found = feature(name);
  if (!found.available) throw new MissingFeatureError(name, found.reason);
}

/** All features of the running kernel. A few milliseconds; ask for single ones where time matters. */
export function features(): { readonly [K in FeatureName]: Feature } {
  const names = Object.keys(PROBES) as FeatureName[];
  return Object.fromEntries(names.map((name) => [name, feature(name)])) as { [K in FeatureName]: Feature };
}

function probe(name: FeatureName): Feature {
  try {
    PROBES[name]();
    return { available: true };
  } catch (error) {
    if (error instanceof VerifierError) return { available: false, reason: error.reason };
    return { available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
