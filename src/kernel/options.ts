// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What a program is specialised by. Everything is on by default, so that the simulator and a first load do all there
 * is; whoever compiles switches off what the configuration does not use.
 */
import { option } from "../bpf/index.ts";

/** There are virtual services of this protocol. */
export const tcpServices = option("tcp", true);
export const udpServices = option("udp", true);

/** There are services with this scheduler. */
export const roundRobin = option("roundRobin", true);
export const weightedRoundRobin = option("weightedRoundRobin", true);
export const leastConnection = option("leastConnection", true);
export const weightedLeastConnection = option("weightedLeastConnection", true);

/** There are servers whose port differs from their service's. */
export const portMapping = option("portMapping", true);

/** There are servers with connection thresholds. */
export const thresholds = option("thresholds", true);

/** Possible CPUs: how many the estimator adds up. */
export const cpus = option("cpus", 1);
