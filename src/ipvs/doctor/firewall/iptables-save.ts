/** What `iptables-save` and `ip6tables-save` print: iptables-save(8), iptables-extensions(8). */
import { formatIp, parsePrefix } from "../../../net/index.ts";
import { CONTINUING_TARGETS } from "../../rules/text/continuing-targets.ts";
import {
  type FirewallChain,
  type FirewallRule,
  type Hook,
  type Network,
  PLAIN_RULE,
  type PortRange,
  type Verdict,
} from "./model.ts";

const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: "prerouting",
  INPUT: "input",
  FORWARD: "forward",
  OUTPUT: "output",
  POSTROUTING: "postrouting",
};
const VERDICTS: Readonly<Record<string, Verdict>> = {
  ACCEPT: { kind: "accept" },
  DROP: { kind: "drop" },
  REJECT: { kind: "drop" },
  RETURN: { kind: "return" },
};
/** Matches that ask nothing by themselves: what they ask is in the options behind. */
const PLAIN_MATCHES = new Set("tcp udp sctp multiport conntrack state comment".split(" "));
const ALL_BITS = 0xffff_ffff;

/** The chains of all tables. Lines that make no sense are passed over. */
export function parseIptablesSave(text: string, family: 4 | 6): FirewallChain[] {
  const chains: FirewallChain[] = [];
  let table = "";
  const program = family === 4 ? "iptables" : "ip6tables";
  const id = (chain: string): string => `${program} -t ${table}, chain ${chain}`;
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1).trim();
    else if (line.startsWith(":")) {
      const [name = "", policy] = line.slice(1).split(" ");
      const hook = policy === "-" ? null : (HOOKS[name] ?? null);
      chains.push({ id: id(name), family, hook, policy: policy === "DROP" ? "drop" : "accept", rules: [] });
    } else if (line.startsWith("-A ")) {
      const words = split(line);
      const chain = chains.find((each) => each.id === id(words[1] ?? ""));
      const rule = parseRule(words.slice(2), id);
      (chain?.rules as FirewallRule[] | undefined)?.push({
        ...rule,
        family,
        text: `${program} -t ${table} ${line}`,
      });
    }
  }
  return chains;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function parseRule(words: readonly string[], chainId: (name: string) => string): FirewallRule {
  const rule: Mutable<FirewallRule> = { ...PLAIN_RULE };
  for (let at = 0; at < words.length; at++) {
    const argument = words[at + 1] ?? "";
    switch (words[at]) {
      case "-d":
        rule.destinations = network(argument);
        if (rule.destinations === null) rule.vague = true;
        break;
      case "-p":
        if (argument !== "all") rule.protocols = [argument];
        break;
      case "-i":
        rule.inputs = [argument.replace(/\+$/, "*")];
        break;
      case "--dport":
      case "--dports":
        rule.destinationPorts = argument.split(",").map(portRange);
        break;
      case "--ctstate":
      case "--state":
        rule.states = argument.toLowerCase().split(",");
        break;
      case "-m":
        if (!PLAIN_MATCHES.has(argument)) rule.vague = true;
        break;
      case "-j":
      case "-g":
        rule.verdict = verdict(argument, words[at] === "-g", chainId);
        rule.mark = argument === "MARK" ? markOf(words.slice(at + 2)) : null;
        return rule;
      case "--comment":
        break;
      case "!":
        // The contrary of what follows.
        rule.vague = true;
        at += 1;
        break;
      default:
        rule.vague = true;
        continue;
    }
    at += 1;
  }
  return rule;
}

function verdict(target: string, isGoto: boolean, chainId: (name: string) => string): Verdict {
  if (isGoto) return { kind: "goto", chain: chainId(target) };
  const plain = VERDICTS[target];
  if (plain !== undefined) return plain;
  if (CONTINUING_TARGETS.has(target)) return { kind: "continue" };
  // Targets are in capitals; chains that people make seldom are, and are looked for.
  return /^[A-Z0-9]+$/.test(target) && KNOWN_TARGETS.has(target)
    ? { kind: "unknown" }
    : { kind: "jump", chain: chainId(target) };
}

/** Targets whose outcome is not known here. */
const KNOWN_TARGETS = new Set(
  "DNAT SNAT MASQUERADE REDIRECT NETMAP TPROXY NFQUEUE QUEUE SYNPROXY CLUSTERIP".split(" "),
);

function markOf(words: readonly string[]): FirewallRule["mark"] {
  const at = words.findIndex((word) => word === "--set-xmark" || word === "--set-mark");
  if (at < 0) return null;
  const [value = "", mask] = (words[at + 1] ?? "").split("/");
  const bits = mask === undefined ? ALL_BITS : Number(mask) >>> 0;
  const set = Number(value) >>> 0;
  return { value: set, mask: words[at] === "--set-mark" ? (bits | set) >>> 0 : bits };
}

function network(text: string): Network[] | null {
  const found = text.split(",").map((part) => parsePrefix(part));
  if (found.some((each) => each === undefined)) return null;
  return found.map((each) => ({ address: formatIp(each!.address), length: each!.length }));
}

function portRange(text: string): PortRange {
  const [first, last = first] = text.split(":");
  return { first: Number(first || 0), last: Number(last || 65535) };
}

/** Words of a line; those in double quotes are one, with backslashes before what stands for itself. */
function split(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replace(/\\(.)/g, "$1"),
  );
}
