// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What a program is specialised by. Everything is on by default, so that the simulator and a first load do all there
 * is; whoever compiles switches off what the configuration does not use.
 */
import { option } from "../bpf/index.ts";

/** The IP version of the packets that a program handles: 4, or 6 for the one that `ingress` hands IPv6 packets to. */
export const family = option("family", 4);

/**
 * Whether the program admits new flows: it makes their connections, and hands the packet back to the program that does not,
 * which forwards it. Apart, each has the whole stack, and what every packet runs through stays small.
 */
export const admission = option("admission", false);

/**
 * Whether the program looks at what this host sends, at traffic control's egress: answers of servers on the director itself
 * to masqueraded clients, which come in by no interface.
 */
export const outgoing = option("outgoing", false);

/** The program that ICMP errors and fragments but the first are handed on to: they are rare, and need room. */
export const aside = option("aside", false);

/** The program that evaluates rules: it sees each packet that belongs to no known connection, before all else does. */
export const ruling = option("ruling", false);

/** There are rules that give marks; rules that may drop packets, so that known connections must respect them, too. */
export const rules = option("rules", true);
export const ruleDrops = option("ruleDrops", true);
/** The program for packets of control connections (STATE_HELPED), whose payload is read: they go back to the one they came from. */
export const payload = option("payload", false);

/** There are IPv6 services. */
export const ipv6Services = option("ipv6", true);

/** There are virtual services of this protocol; a service by mark is one of every protocol. */
export const tcpServices = option("tcp", true);
export const udpServices = option("udp", true);
export const sctpServices = option("sctp", true);

/** There are services by firewall mark; services on every port (port 0). */
export const markServices = option("marks", true);
export const anyPortServices = option("anyPort", true);

/** There are persistent services; services with one-packet scheduling. */
export const persistence = option("persistence", true);
export const onePacket = option("onePacket", true);

/** There are persistent services that go by SIP's Call-ID. */
export const sip = option("sip", true);

/** There are servers with this forwarding method besides masquerading. */
export const directRouting = option("directRouting", true);
export const tunnels = option("tunnels", true);
export const fullnat = option("fullnat", true);

/** There are services whose servers under FullNAT are told the client's address (TOA, PROXY protocol). */
export const clientAddress = option("clientAddress", true);
export const localServers = option("localServers", true);

/** There are masqueraded FTP services, whose data connections are followed. */
export const ftp = option("ftp", true);

/** There are services with this scheduler. */
export const roundRobin = option("roundRobin", true);
export const weightedRoundRobin = option("weightedRoundRobin", true);
export const leastConnection = option("leastConnection", true);
export const weightedLeastConnection = option("weightedLeastConnection", true);
export const localityLeastConnection = option("localityLeastConnection", true);
export const localityWithReplication = option("localityWithReplication", true);
export const destinationHashing = option("destinationHashing", true);
export const sourceHashing = option("sourceHashing", true);
export const maglevHashing = option("maglevHashing", true);
export const shortestExpectedDelay = option("shortestExpectedDelay", true);
export const neverQueue = option("neverQueue", true);
export const weightedFailover = option("weightedFailover", true);
export const weightedOverflow = option("weightedOverflow", true);
export const twoChoices = option("twoChoices", true);

/** There are servers whose port differs from their service's. */
export const portMapping = option("portMapping", true);

/** There are servers with connection thresholds. */
export const thresholds = option("thresholds", true);

/** Possible CPUs: how many the estimator adds up. */
export const cpus = option("cpus", 1);
