/** A deterministic source of numbers 0 … 2³²−1 (xorshift, 32 bits): the same seed gives the same sequence. */
export function randomSequence(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
