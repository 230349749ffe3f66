// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The datapath: its memory, its options, and its two programs, `ingress` (traffic control) and `arm` (starts the clock). */
export { arm } from "./arm.ts";
export { TICK } from "./clock.ts";
export { ingress } from "./ingress.ts";
export * as options from "./options.ts";
export { currentWeightAfterEdit } from "./schedule/wrr-weight.ts";
export * from "./tables.ts";
