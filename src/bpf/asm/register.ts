/**
 * The eleven registers of eBPF. R0 holds results, R1–R5 arguments (lost by calls), R6–R9 survive calls, R10 is the
 * read-only frame pointer: the stack is the 512 bytes below it.
 */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

export const R0 = 0;
export const R1 = 1;
export const R2 = 2;
export const R3 = 3;
export const R4 = 4;
export const R5 = 5;
export const R6 = 6;
export const R7 = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;

/** Bytes of stack of a program: the sum over the frames of its deepest call chain. */
export const STACK_LIMIT = 512;
