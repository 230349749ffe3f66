/** What a contender's network is like. */
export interface Topology {
  readonly family: 4 | 6;
  /** Whether servers answer clients directly, over a link of their own, or by way of the director. */
  readonly replies: "direct" | "routed";
}

/** One contender's network: client ── director ── server, each a network namespace, the server with five addresses. */
export interface BenchLab extends Topology {
  /** Names of the namespaces. */
  readonly client: string;
  readonly director: string;
  readonly server: string;
  /** The address that clients connect to, on the director; where replies are direct, on the server too. */
  readonly vip: string;
  /** The server's addresses. */
  readonly rips: readonly string[];
  /** More addresses of the director towards the server. */
  readonly locals: readonly string[];
  /** Index of the client's device, and link-layer address of the director's on that side. */
  readonly clientInterface: number;
  readonly directorMac: string;
  /** Name of the server's device towards the director. */
  readonly serverInterface: string;
  /** First of the addresses that floods come from: a network behind the client that answers nothing. */
  readonly floodSource: string;
}

/** The port of the HTTP servers, of iperf3 and of the sink for datagrams, on VIP and RIPs alike. */
export const HTTP_PORT = 80;
export const BULK_PORT = 5201;
export const SINK_PORT = 9000;

/** An address and port as text. */
export function at(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
