/** The matches and targets there are, by the names of `-m` and `-j`. */
import type { Match, Target } from "../../model.ts";
import { foreign, usage } from "../rules-error.ts";
import type { ExtensionReader } from "./extension.ts";
import { MarkTargetReader } from "./mark-target.ts";
import { MultiportReader } from "./multiport.ts";
import { CommentReader, MarkReader, SetReader } from "./small-matches.ts";
import { TransportReader } from "./transport.ts";

export type { ExtensionReader, RuleContext } from "./extension.ts";

const MATCHES: Readonly<Record<string, () => ExtensionReader<Match>>> = {
  tcp: () => new TransportReader("tcp"),
  udp: () => new TransportReader("udp"),
  sctp: () => new TransportReader("sctp"),
  multiport: () => new MultiportReader(),
  mark: () => new MarkReader(),
  comment: () => new CommentReader(),
  set: () => new SetReader(),
};

/** Matches of iptables 1.8.9 that are none of ours. */
const FOREIGN_MATCHES = new Set(
  (
    "addrtype ah bpf cgroup cluster connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp dst ecn esp eui64 frag " +
    "hashlimit hbh helper hl icmp icmp6 icmpv6 ipcomp iprange ipv6header ipvs ipv6-icmp length limit mac mh nfacct osf owner physdev pkttype policy " +
    "quota rateest realm recent rpfilter rt socket srh state statistic string tcpmss time tos ttl u32 standard"
  ).split(" "),
);

/** Targets of iptables 1.8.9 that are none of ours. */
const FOREIGN_TARGETS = new Set(
  (
    "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MASQUERADE NAT NETMAP NFLOG " +
    "NFQUEUE NOTRACK QUEUE RATEEST REDIRECT REJECT SECMARK SET SNAT SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG"
  ).split(" "),
);

const VERDICTS: Readonly<Record<string, Target>> = {
  ACCEPT: { kind: "accept" },
  DROP: { kind: "drop" },
  RETURN: { kind: "return" },
};

/** A reader for the match of that name. @throws RulesError: there is none */
export function matchReader(name: string): ExtensionReader<Match> {
  const reader = Object.hasOwn(MATCHES, name) ? MATCHES[name] : undefined;
  if (reader !== undefined) return reader();
  if (FOREIGN_MATCHES.has(name)) throw foreign(`the match \`${name}'`);
  throw usage(`Couldn't load match \`${name}':No such file or directory\n`);
}

/** Options that the original knows when `-p` names a protocol, by the match that they belong to. */
const FOREIGN_OPTIONS: Readonly<Record<string, string>> = {
  "--icmp-type": "icmp",
  "--icmpv6-type": "icmp6",
  "--ahspi": "ah",
  "--espspi": "esp",
  "--dccp-types": "dccp",
  "--dccp-option": "dccp",
  "--mh-type": "mh",
};

/** Throws RulesError for an option of a match that the original has and we have not. */
export function refuseForeignOption(word: string): void {
  const match = FOREIGN_OPTIONS[word.split("=")[0]!];
  if (match !== undefined) throw foreign(`the match \`${match}'`);
}

/** Whether chains must not have that name, because a target has it. */
export function isTarget(name: string): boolean {
  return name === "" || name === "MARK" || Object.hasOwn(VERDICTS, name) || FOREIGN_TARGETS.has(name);
}

/** A reader for the options of the target of that name; null: it can only be a chain. @throws RulesError */
export function targetReader(name: string): ExtensionReader<Target> | null {
  if (name === "MARK") return new MarkTargetReader();
  if (FOREIGN_TARGETS.has(name)) throw foreign(`the target \`${name}'`);
  if (!Object.hasOwn(VERDICTS, name)) return null;
  return { options: [], take: () => undefined, finish: () => VERDICTS[name]! };
}
