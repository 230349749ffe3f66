/** In what words tests say which services and servers there are, and what the tables have for them. */
import { ip, splitHostPort } from "../../net/index.ts";
import {
  PROTOCOL_ANY,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCHEDULER_DH,
  SCHEDULER_FO,
  SCHEDULER_LBLC,
  SCHEDULER_LBLCR,
  SCHEDULER_LC,
  SCHEDULER_MH,
  SCHEDULER_NQ,
  SCHEDULER_OVF,
  SCHEDULER_RR,
  SCHEDULER_SED,
  SCHEDULER_SH,
  SCHEDULER_TWOS,
  SCHEDULER_WLC,
  SCHEDULER_WRR,
} from "../tables.ts";

export const SCHEDULERS: Readonly<Record<string, number>> = {
  rr: SCHEDULER_RR,
  wrr: SCHEDULER_WRR,
  lc: SCHEDULER_LC,
  wlc: SCHEDULER_WLC,
  lblc: SCHEDULER_LBLC,
  lblcr: SCHEDULER_LBLCR,
  dh: SCHEDULER_DH,
  sh: SCHEDULER_SH,
  mh: SCHEDULER_MH,
  sed: SCHEDULER_SED,
  nq: SCHEDULER_NQ,
  fo: SCHEDULER_FO,
  ovf: SCHEDULER_OVF,
  twos: SCHEDULER_TWOS,
};

/** An address and port: "192.0.2.1:80", "[2001:db8::1]:80"; of a service by mark, the mark: "5". */
export type EndpointText = string;

/** What kind of service: a transport protocol, or a firewall mark on packets of IPv4 or IPv6. */
export type ServiceProtocol = "tcp" | "udp" | "sctp" | "mark" | "mark6";

/** The protocol of such a service (PROTOCOL_*). */
export const PROTOCOLS: Readonly<Record<ServiceProtocol, number>> = {
  tcp: PROTOCOL_TCP,
  udp: PROTOCOL_UDP,
  sctp: PROTOCOL_SCTP,
  mark: PROTOCOL_ANY,
  mark6: PROTOCOL_ANY,
};

/** An address as `Address.words`. */
export function wordsOf(address: string): number[] {
  const bytes = ip(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: 4 }, (_, i) => (4 * i < bytes.length ? view.getUint32(4 * i) : 0));
}

export interface ServiceSettings {
  /** Seconds. */
  readonly persistence?: number;
  /** IPv4: a dotted quad; IPv6: a prefix length. */
  readonly mask?: string;
  /** POOL_* bits. */
  readonly flags?: number;
  readonly localAddresses?: readonly string[];
}

export interface ServerSettings {
  readonly weight?: number;
  readonly upper?: number;
  readonly lower?: number;
  /** FORWARD_*. */
  readonly method?: number;
  /** TUNNEL_* type, UDP port, TUNNEL_* checksum. */
  readonly tunnelType?: number;
  readonly tunnelPort?: number;
  readonly tunnelChecksum?: number;
  /** The director's own address towards the server. */
  readonly source?: string;
  readonly isLocal?: boolean;
}

/** The words of a persistence mask. */
export function maskOf(mask: string | undefined): number[] {
  if (mask === undefined) return [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff];
  if (mask.includes(".")) return wordsOf(mask);
  const bits = (1n << 128n) - (1n << BigInt(128 - Number(mask)));
  return Array.from({ length: 4 }, (_, i) => Number((bits >> BigInt(96 - 32 * i)) & 0xffffffffn));
}

/** The address and port of an endpoint; without a port 0. */
export function splitEndpoint(text: EndpointText): { readonly host: string; readonly port: number } {
  const split = splitHostPort(text);
  if (split === undefined) throw new Error(`not an endpoint: ${text}`);
  return { host: split.host, port: Number(split.port ?? 0) };
}
