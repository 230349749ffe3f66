/** Random numbers that can be had again from their seed (xorshift128). */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = new Uint32Array([
      seed ^ 0x9e3779b9,
      seed ^ 0x243f6a88,
      seed ^ 0xb7e15162,
      (seed | 1) >>> 0,
    ]);
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 0 … 2^32−1 */
  next(): number {
    const s = this.#state;
    let t = s[3]!;
    const first = s[0]!;
    s[3] = s[2]!;
    s[2] = s[1]!;
    s[1] = first;
    t ^= t << 11;
    t ^= t >>> 8;
    s[0] = t ^ first ^ (first >>> 19);
    return s[0]!;
  }

  /** 0 … bound−1 */
  below(bound: number): number {
    return this.next() % bound;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bits64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
}
