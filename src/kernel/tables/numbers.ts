// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The numbers by which protocols, schedulers, forwarding methods and tunnels go, as IPVS has them where it has them. */

/** The protocol of templates of services by firewall mark, which listings call "IP". */
export const PROTOCOL_ANY = 0;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ESP = 50;
export const PROTOCOL_AH = 51;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;

/** Numbers of the schedulers in `Pool.scheduler`. */
export const SCHEDULER_RR = 1;
export const SCHEDULER_WRR = 2;
export const SCHEDULER_LC = 3;
export const SCHEDULER_WLC = 4;
export const SCHEDULER_LBLC = 5;
export const SCHEDULER_LBLCR = 6;
export const SCHEDULER_DH = 7;
export const SCHEDULER_SH = 8;
export const SCHEDULER_MH = 9;
export const SCHEDULER_SED = 10;
export const SCHEDULER_NQ = 11;
export const SCHEDULER_FO = 12;
export const SCHEDULER_OVF = 13;
export const SCHEDULER_TWOS = 14;

/** Forwarding methods, as numbered by IPVS. */
export const FORWARD_MASQ = 0;
export const FORWARD_LOCAL = 1;
export const FORWARD_TUNNEL = 2;
export const FORWARD_ROUTE = 3;
/** To the original destination (sysctl cache_bypass). */
export const FORWARD_BYPASS = 4;
/** Not one of IPVS's: masquerading of both ends. */
export const FORWARD_FULLNAT = 5;

/** Types of tunnels, as numbered by IPVS, and what a tunnel's outer header says of checksums. */
export const TUNNEL_IPIP = 0;
export const TUNNEL_GUE = 1;
export const TUNNEL_GRE = 2;
export const TUNNEL_NO_CHECKSUM = 0;
export const TUNNEL_CHECKSUM = 1;
export const TUNNEL_REMOTE_CHECKSUM = 2;
