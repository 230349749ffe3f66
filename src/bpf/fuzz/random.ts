/** A small generator of random numbers (mulberry32): the same seed gives the same sequence everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … 2^32−1. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 … n−1. */
  below(n: number): number {
    return this.u32() % n;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A number that is likely to be an edge of some width. */
  interesting(): number {
    const edges = [
      0, 1, 2, 7, 8, 31, 32, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
      0xfffffffe, 0xffffffff,
    ];
    return this.oneIn(3) ? this.u32() : this.oneIn(4) ? this.below(256) : this.pick(edges);
  }

  interesting64(): bigint {
    const edges = [
      0n,
      1n,
      0xffffffffn,
      0x100000000n,
      0x7fffffffffffffffn,
      0x8000000000000000n,
      0xffffffffffffffffn,
    ];
    return this.oneIn(2)
      ? this.pick(edges)
      : (BigInt(this.interesting()) << 32n) | BigInt(this.interesting());
  }
}
