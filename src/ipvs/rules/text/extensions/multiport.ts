import type { Match, PortRange } from "../../model.ts";
import { ExtensionOptions } from "../extension-options.ts";
import type { RuleNames } from "../names.ts";
import { port } from "../parse-values.ts";
import { usage } from "../rules-error.ts";
import { type ExtensionOption, type ExtensionReader, type RuleContext, withArgument } from "./extension.ts";

type Multiport = Extract<Match, { kind: "multiport" }>;

const OPTIONS = ["source-ports", "destination-ports", "ports"];
const WHICH = new Map<string, Multiport["which"]>([
  ["source-ports", "source"],
  ["sports", "source"],
  ["destination-ports", "destination"],
  ["dports", "destination"],
  ["ports", "either"],
]);
const MOST_PORTS = 15;
/** Protocols that have ports. */
const PROTOCOLS = new Map([
  [6, "tcp"],
  [17, "udp"],
  [136, "udplite"],
  [132, "sctp"],
  [33, "dccp"],
]);

/** Reads `-m multiport`. */
export class MultiportReader implements ExtensionReader<Match> {
  readonly options = withArgument(...WHICH.keys());
  readonly #given = new ExtensionOptions("multiport");
  #match: Multiport | null = null;

  take({ name, value, negated }: ExtensionOption, { protocol, names }: RuleContext): void {
    const which = WHICH.get(name)!;
    const option = { source: "source-ports", destination: "destination-ports", either: "ports" }[which];
    this.#given.take(option, { negated, canNegate: true, exclusive: OPTIONS });
    if (protocol === null) {
      throw usage("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
    }
    const transport = protocol.negated ? undefined : PROTOCOLS.get(protocol.number);
    if (transport === undefined) {
      throw usage("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP");
    }
    this.#match = { kind: "multiport", negated, which, ranges: ports(value, transport, names) };
  }

  finish(): Match {
    if (this.#match === null) throw usage("multiport expection an option");
    return this.#match;
  }
}

function ports(text: string, protocol: string, names: RuleNames): PortRange[] {
  let room = MOST_PORTS;
  return text.split(",").map((part) => {
    const colon = part.indexOf(":");
    room -= colon < 0 ? 1 : 2;
    if (room < 0) throw usage("too many ports specified");
    const first = port(colon < 0 ? part : part.slice(0, colon), protocol, names);
    if (colon < 0) return { first, last: first };
    const last = port(part.slice(colon + 1), protocol, names);
    if (first >= last) throw usage("invalid portrange specified");
    return { first, last };
  });
}
