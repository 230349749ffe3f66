/** A run in the simulator, and what an explanation takes from it. */
import type { Link } from "../../linux/index.ts";
import type { End } from "./comparison.ts";
import type { ExplainedPacket, ExplainedServer, Explanation, Step, Verdict } from "./model.ts";
import { fateOf } from "./outcome.ts";
import type { SimulatedRun } from "./simulation.ts";

type Fate = Extract<Verdict, { kind: "kernel" }>["fate"];

/** A run in the simulator, and what it is about. */
export interface Told {
  readonly run: SimulatedRun;
  readonly steps: Step[];
  /** The slots of the packet's connection and server; null: it has none. */
  readonly connection: number | null;
  readonly server: number | null;
  readonly serverFacts: ExplainedServer | null;
  readonly end: End;
}

/** The datapath does not see the packet. */
export function unattached(packet: ExplainedPacket, frame: Uint8Array, link: Link, here: Step): Explanation {
  return unseen(packet, here, fateOf(frame, link.name), "the datapath does not see it");
}

/** A packet of this host itself, which leaves by an interface; null: there is no way for it. */
export function ownPacket(packet: ExplainedPacket, by: string | null): Explanation {
  const why =
    "it is this host's own, to an address that is not: it comes in by no interface, so it is not balanced";
  const here: Step = { step: "own-packet", interface: by };
  return unseen({ ...packet, interface: null }, here, by === null ? "unreachable" : "sent", why);
}

function unseen(packet: ExplainedPacket, here: Step, fate: Fate, why: string): Explanation {
  return {
    packet,
    steps: [here],
    verdict: { kind: "kernel", changed: false, fate, why },
    effects: { connection: null, counters: null },
    frame: null,
    ran: "nothing",
    disagreement: [],
  };
}

/** Whether what leaves has an IP header of the director's own: a tunnel's, or that of an ICMP error. */
export function hasOwnHeader(told: Told): boolean {
  return methodOf(told) === "tunnel" || told.run.facts.some(({ what }) => what === "answer");
}

/** A connection keeps its method. */
export function methodOf({ end, serverFacts }: Told): ExplainedServer["method"] | null {
  return end.connection?.method ?? serverFacts?.method ?? null;
}

/** What was counted for a server, in the order of the counters' fields. */
export function countedIn({ facts }: SimulatedRun, server: number | null): number[] {
  const sum = [0, 0, 0, 0, 0];
  for (const { what, values } of facts) {
    if (values[0] !== server) continue;
    if (what === "counted-connection") sum[0]! += 1;
    if (what !== "counted") continue;
    const [, direction = 0, packets = 0, bytes = 0] = values;
    sum[1 + 2 * direction]! += packets;
    sum[2 + 2 * direction]! += bytes;
  }
  return sum;
}

/** What of the tables would be changed. */
export function effectsOf({ end, serverFacts }: Told): Explanation["effects"] {
  const [connections = 0, inPackets = 0, inBytes = 0, outPackets = 0, outBytes = 0] = end.counted;
  const isCounted = serverFacts !== null && end.counted.some((value) => value !== 0);
  return {
    connection: end.connection,
    counters: isCounted
      ? { server: serverFacts, connections, inPackets, inBytes, outPackets, outBytes }
      : null,
  };
}
