/** What a traffic-control program returns. */

/** Continue: the packet goes on to the stack or out of the interface. */
export const TC_OK = 0;
/** Drop it. */
export const TC_SHOT = 2;
/** Do what `redirect` or `redirectNeighbour` said. */
export const TC_REDIRECT = 7;
/** Continue with the next program on the hook (−1 as a u32). */
export const TC_NEXT = 0xffffffff;
