import type { Administration } from "../../src/ipvs/administration.ts";
import { openAdministration } from "../../src/ipvs/index.ts";
import { addAddress, deleteAddress, readSysctl, writeSysctl } from "../../src/linux/index.ts";
import { prefix } from "../../src/net/index.ts";
import type { Family, Method } from "./plan.ts";
import type { Visit, Ward } from "./ward.ts";

/** Something that is made wrong on purpose, and what a doctor must find then, and nothing else. */
export interface Fault {
  readonly name: string;
  /** The node that is looked at. */
  readonly node: string;
  /** Makes it wrong; the answer makes it right again. */
  readonly seed: (ward: Ward) => () => void;
  /** "code where", sorted. */
  readonly findings: readonly string[];
  /** What the doctor is told. Default: nothing, and that it asks nobody. */
  readonly visit?: Visit;
  /** What `--fix` runs, if it mends all of it. */
  readonly mended?: readonly string[];
  /** A client's connection that fails with the fault and, if it is mended, succeeds afterwards. */
  readonly breaks?: readonly [Family, Method];
}

/** Sets sysctls of a node. */
export function setting(node: string, ...settings: readonly (readonly [string, string | number])[]) {
  return (ward: Ward): (() => void) => {
    const before = ward.inside(node, () => settings.map(([name]) => [name, readSysctl(name)] as const));
    const set = (values: typeof settings): void =>
      ward.inside(node, () => {
        for (const [name, value] of values) writeSysctl(name, value);
      });
    set(settings);
    return () => set(before);
  };
}

/** Moves an address of a node from one interface, or null, to another. */
export function moving(
  node: string,
  from: readonly [link: string, address: string] | null,
  to: readonly [link: string, address: string] | null,
) {
  return (ward: Ward): (() => void) => {
    const move = (taken: typeof from, given: typeof from): void =>
      ward.network(node, (socket) => {
        if (taken !== null) deleteAddress(socket, taken[0], prefix(taken[1]));
        if (given !== null) addAddress(socket, given[0], prefix(given[1]));
      });
    move(from, to);
    return () => move(to, from);
  };
}

/** Changes the director's configuration. */
export function configuring(
  change: (director: Administration) => void,
  back: (director: Administration) => void,
) {
  return (ward: Ward): (() => void) => {
    const run = (work: (director: Administration) => void): void =>
      ward.inside("director", () => {
        const director = openAdministration();
        try {
          work(director);
        } finally {
          director.close();
        }
      });
    run(change);
    return () => run(back);
  };
}

/** Several faults at a time. They are taken back in the opposite order. */
export function together(...seeds: readonly Fault["seed"][]) {
  return (ward: Ward): (() => void) => {
    const backs: (() => void)[] = [];
    const takeBack = (): void => {
      for (const back of backs.splice(0).reverse()) back();
    };
    try {
      for (const seed of seeds) backs.push(seed(ward));
    } catch (error) {
      takeBack();
      throw error;
    }
    return takeBack;
  };
}

/** Runs a program of the system's at a node. */
export function running(node: string, make: readonly string[], back: readonly string[]) {
  return (ward: Ward): (() => void) => {
    const run = ([program, ...words]: readonly string[]): void => void ward.system(node, program!, ...words);
    run(make);
    return () => run(back);
  };
}
