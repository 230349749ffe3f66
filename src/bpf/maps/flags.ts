/** Flags of map updates (bpf(2)). */

/** Create or replace. */
export const ANY = 0;
/** Create only: -17 (EEXIST) if the key is there. */
export const NO_EXIST = 1;
/** Replace only: -2 (ENOENT) if the key is not there. */
export const EXIST = 2;

/** Flags of `ring.output`: by default user space is woken when it has read everything before. */
export const RING_NO_WAKEUP = 1;
export const RING_FORCE_WAKEUP = 2;
