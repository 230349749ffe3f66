/** Which chains lead to which: whether packets would go round in circles, or deeper than they can. */
import { PREROUTING, type RuleSet } from "./model.ts";

/** Jumps and gotos one behind the other from the built-in chain on, at most: as in nftables (recording chains/seventeen deep). */
export const MOST_LINKS = 15;

export class Links {
  readonly #below = new Map<string, Set<string>>();
  readonly #above = new Map<string, Set<string>>();
  /** Of chains that packets come to: the most links on the way there. */
  readonly #depths = new Map([[PREROUTING, 0]]);
  #isTooDeep = false;
  #isRound = false;

  /** Those of a rule set. */
  constructor({ chains }: RuleSet) {
    for (const { name } of chains) this.#below.set(name, new Set());
    for (const { name, rules } of chains)
      for (const { target } of rules) if (target?.kind === "jump") this.add(name, target.chain);
  }

  /** Whether they lead neither round in circles, even where no packet comes to, nor packets deeper than MOST_LINKS. */
  get areSound(): boolean {
    return !this.#isTooDeep && !this.#isRound;
  }

  /** A rule of `from` leads to `to`. Mostly costs the same however many chains there are. */
  add(from: string, to: string): void {
    if (this.#below.get(from)?.has(to)) return;
    put(this.#below, from, to);
    put(this.#above, to, from);
    const depth = this.#depths.get(from);
    // Where packets come to, whatever is round is too deep as well.
    if (depth !== undefined) this.#sink(to, depth + 1);
    else if (this.#leadsBack(from, to)) this.#isRound = true;
  }

  /** No chain sinks more than MOST_LINKS times. */
  #sink(to: string, least: number): void {
    const sinking: (readonly [name: string, depth: number])[] = [[to, least]];
    for (let next = sinking.pop(); next !== undefined && !this.#isTooDeep; next = sinking.pop()) {
      const [name, depth] = next;
      if (depth <= (this.#depths.get(name) ?? -1)) continue;
      this.#depths.set(name, depth);
      this.#isTooDeep = depth > MOST_LINKS;
      for (const other of this.#below.get(name) ?? []) sinking.push([other, depth + 1]);
    }
  }

  /** Whether `to` leads to `from`: looked for from both ends, until one has nothing more. */
  #leadsBack(from: string, to: string): boolean {
    const down = new Set([to]);
    const up = new Set([from]);
    const upwards = up.values();
    for (const name of down) {
      if (up.has(name)) return true;
      for (const next of this.#below.get(name) ?? []) down.add(next);
      const { value: caller } = upwards.next();
      if (caller === undefined) return false;
      if (down.has(caller)) return true;
      for (const next of this.#above.get(caller) ?? []) up.add(next);
    }
    return false;
  }

  /** All chains, each before those that it leads to; or chains that form a loop, the first being the last. */
  order(): { readonly names: readonly string[] } | { readonly loop: readonly string[] } {
    const callers = new Map([...this.#below.keys()].map((name) => [name, 0]));
    for (const below of this.#below.values())
      for (const name of below) callers.set(name, (callers.get(name) ?? 0) + 1);
    const names = [...callers.keys()].filter((name) => callers.get(name) === 0);
    for (const name of names) {
      for (const next of this.#below.get(name) ?? []) {
        const left = callers.get(next)! - 1;
        callers.set(next, left);
        if (left === 0) names.push(next);
      }
    }
    return names.length === callers.size ? { names } : { loop: this.#loop(new Set(names)) };
  }

  /** One among the chains that are not `ordered`: each of them is led to by another of them. */
  #loop(ordered: ReadonlySet<string>): readonly string[] {
    const callers = new Map<string, string>();
    for (const [name, below] of this.#below)
      if (!ordered.has(name)) for (const next of below) callers.set(next, name);
    const way = new Set<string>();
    let name = [...callers.keys()].find((each) => !ordered.has(each))!;
    for (; !way.has(name); name = callers.get(name)!) way.add(name);
    const backwards = [...way];
    const round = new Set(backwards.slice(backwards.indexOf(name)).reverse());
    // From that which was made first on.
    const first = [...this.#below.keys()].find((each) => round.has(each))!;
    const names = [...round];
    const at = names.indexOf(first);
    return [...names.slice(at), ...names.slice(0, at), first];
  }
}

/** Whether chains lead round in circles, also where no packet comes to, or packets deeper than they can go. */
export function hasTooManyLinks(set: RuleSet): boolean {
  return !new Links(set).areSound;
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}

/** How many rules lead to a chain. */
export function references({ chains }: RuleSet, name: string): number {
  let count = 0;
  for (const { rules } of chains) {
    for (const { target } of rules) if (target?.kind === "jump" && target.chain === name) count++;
  }
  return count;
}
