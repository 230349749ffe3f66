import type { BenchLab, Topology } from "./lab.ts";

/** A way to get a client's traffic to the servers. */
export interface Contender {
  readonly name: string;
  /** Its network. Default: IPv4, replies by way of the director. */
  readonly topology?: Topology;
  /** The contender in such a network that it is compared with. Default: plain routing. */
  readonly base?: string;
  /** Workloads it is for, by name. Default: all. */
  readonly workloads?: readonly string[];
  /** Programs it needs. */
  readonly programs: readonly string[];
  /** Whether it carries datagrams too. */
  readonly udp: boolean;
  /** The address a client connects to. */
  target(lab: BenchLab): string;
  /** Balances the HTTP, bulk and sink ports of the VIP over the servers. */
  setup(lab: BenchLab): Promise<void>;
  /** Adds `count` more services (ports 10000…) before the HTTP one; resolves to the seconds it took. */
  program?(lab: BenchLab, count: number): Promise<number>;
}

export const PLAIN = "plain routing";

/** Routing without a balancer, in a network of that kind: what the others are compared with. */
export function plainRouting(name: string, topology?: Topology): Contender {
  return {
    name,
    ...(topology === undefined ? {} : { topology }),
    base: name,
    programs: [],
    udp: true,
    target: (lab) => lab.rips[0]!,
    setup: async () => {},
  };
}
