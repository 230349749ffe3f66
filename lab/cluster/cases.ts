/** Each forwarding method in each mix of families that it can work with. */
import { type Family, lanAddress, type ServerKind, serverHost, virtualAddress, wireAddress } from "./plan.ts";
import { GUE_PORT, TUNNEL_EXTRA } from "./tunnel-ends.ts";

export interface Case {
  readonly name: string;
  /** Of the virtual address. */
  readonly family: Family;
  /** Which virtual address: each case has its own. */
  readonly virtual: string;
  readonly kind: ServerKind;
  /** The address of server 1 or 2. */
  server(number: number): string;
  /** ipvsadm's words for the method. */
  readonly method: string;
  /** Whether it gets the long transfers, too: one of each method and family does. */
  readonly thorough: boolean;
  /** Bytes that a tunnel adds. */
  readonly overhead: number;
}

interface Variant {
  readonly name: string;
  readonly kind: ServerKind;
  readonly method: string;
  /** [family of the virtual address, of the servers] */
  readonly mixes: readonly (readonly [Family, Family])[];
  readonly address: (family: Family, number: number) => string;
  readonly thorough?: boolean;
  /** Without the outer IP header, bytes. */
  readonly header?: number;
}

const SAME: Variant["mixes"] = [
  [4, 4],
  [6, 6],
];
const ALL: Variant["mixes"] = [...SAME, [4, 6], [6, 4]];

const wire =
  (kind: ServerKind, extra = 0) =>
  (family: Family, number: number) =>
    wireAddress(family, serverHost(kind, number, extra));

function tunnel(name: string, extra: number, words: string, header: number, thorough = false): Variant {
  const kind = "direct";
  return {
    name: `tun ${name}`,
    kind,
    method: `-i ${words}`,
    mixes: ALL,
    address: wire(kind, extra),
    header,
    thorough,
  };
}

const gue = `--tun-type gue --tun-port ${GUE_PORT}`;

const VARIANTS: readonly Variant[] = [
  { name: "nat", kind: "nat", method: "-m", mixes: SAME, address: wire("nat"), thorough: true },
  {
    name: "dr on the segment",
    kind: "direct",
    method: "-g",
    mixes: SAME,
    address: (family, number) => lanAddress(family, serverHost("direct", number)),
    thorough: true,
  },
  { name: "dr behind the director", kind: "direct", method: "-g", mixes: SAME, address: wire("direct") },
  tunnel("ipip", TUNNEL_EXTRA.ipip, "", 0, true),
  tunnel("gue", TUNNEL_EXTRA.gue, gue, 8 + 4, true),
  tunnel("gue csum", TUNNEL_EXTRA.gue, `${gue} --tun-csum`, 8 + 4),
  tunnel("gue remcsum", TUNNEL_EXTRA.gue, `${gue} --tun-remcsum`, 8 + 12),
  tunnel("gre", TUNNEL_EXTRA.gre, "--tun-type gre", 4, true),
  tunnel("gre csum", TUNNEL_EXTRA.greChecksum, "--tun-type gre --tun-csum", 8),
  { name: "fullnat", kind: "full", method: "--fullnat", mixes: SAME, address: wire("full"), thorough: true },
];

export const CASES: readonly Case[] = VARIANTS.flatMap((variant) =>
  variant.mixes.map((mix) => ({ variant, mix })),
).map(({ variant, mix: [family, inner] }, index) => ({
  name: `${variant.name}, IPv${family}${family === inner ? "" : ` over IPv${inner}`}`,
  family,
  virtual: virtualAddress(family, index),
  kind: variant.kind,
  server: (number) => variant.address(inner, number),
  method: variant.method,
  thorough: (variant.thorough ?? false) && family === inner,
  overhead: variant.header === undefined ? 0 : variant.header + (inner === 4 ? 20 : 40),
}));

/** Ports of the services that each case has. */
export const PORT = { web: 80, echo: 7, names: 53, nobody: 9, iperf: 5201 } as const;

/** Rules for `ipvsadm --restore`: of a case, its services with two servers each (iperf3 has one). */
export function rulesOf({ virtual, server, method }: Case): string {
  const address = (ip: string, port: number) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
  const option = { t: "-t", u: "-u", sctp: "--sctp-service" } as const;
  const service = (
    kind: "t" | "u" | "sctp",
    port: number,
    options = "",
    numbers: readonly number[] = [1, 2],
  ) => [
    `-A ${option[kind]} ${address(virtual, port)} -s rr ${options}`.trim(),
    ...numbers.map((number) =>
      `-a ${option[kind]} ${address(virtual, port)} -r ${address(server(number), port)} ${method}`.trim(),
    ),
  ];
  // Under NAT, answers to single packets are not translated.
  const onePacket = method === "-m" ? "" : "-o";
  return [
    ...service("t", PORT.web),
    ...service("u", PORT.echo),
    ...service("sctp", PORT.echo),
    ...service("u", PORT.names, onePacket),
    ...service("u", PORT.nobody),
    ...service("t", PORT.iperf, "", [1]),
    ...service("u", PORT.iperf, "", [1]),
    "",
  ].join("\n");
}
