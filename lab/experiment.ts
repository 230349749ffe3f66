import type { NetworkPlan } from "./network.ts";
import type { Stage } from "./stage.ts";

/** A command for a person who enters a lab that was left up. */
export interface Entry {
  readonly node: string;
  /** As typed there: `curl http://192.0.2.1/`. */
  readonly command: string;
  readonly about: string;
}

/** One experiment: a network, and what is done and checked in it. */
export interface Experiment {
  /** A line for `lvs help lab`. */
  readonly about: string;
  /** The network, with names of namespaces beginning so. The director's node is called "director". */
  plan(prefix: string): NetworkPlan;
  /** Does it. Throws LabFailure if what was promised does not come. */
  run(stage: Stage): Promise<void>;
  /** What to try in it when it is left up. */
  readonly entries: readonly Entry[];
  /** What takes back what it leaves beside the network, `lvs unload` on directors excepted. Default: nothing. */
  readonly takeDown?: readonly Omit<Entry, "about">[];
}

/** A lab: experiments by name, one at a time; the first is the usual one. */
export type Lab = ReadonlyMap<string, Experiment>;
