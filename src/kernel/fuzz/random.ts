/** Numbers for fuzzing: fast, and the same for the same seed. */

/** A generator of 32-bit numbers (SplitMix32's mixing over a Weyl sequence). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number of 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** A number from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  /** An element of a list that is not empty. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** The seed of a part of a run, so that each part can be repeated alone. */
export function seedOf(seed: number, part: number): number {
  return new Random(Math.imul(seed, 0x01000193) ^ Math.imul(part + 1, 0x85ebca6b)).next();
}
