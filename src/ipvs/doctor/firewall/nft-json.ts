/** What `nft -j list ruleset` prints: libnftables-json(5). */
import { isPlainObject, type JsonObject, type JsonValue } from "./json.ts";
import {
  type FirewallChain,
  type FirewallRule,
  type Hook,
  type Network,
  PLAIN_RULE,
  type PortRange,
  type Verdict,
} from "./model.ts";

const HOOKS: ReadonlySet<string> = new Set<Hook>(["prerouting", "input", "forward", "output", "postrouting"]);
const FAMILIES: Readonly<Record<string, 4 | 6 | null>> = { ip: 4, ip6: 6, inet: null };
/** Statements after which the rule goes on. */
const CONTINUING = new Set("counter log meter limit quota notrack ct comment set map secmark".split(" "));
const ALL_BITS = 0xffff_ffff;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * The chains of IP tables; those in `skip` ("ip filter") are left out. Throws SyntaxError for text that is not JSON; what it does
 * not understand of JSON makes rules vague.
 */
export function parseNftRuleset(text: string, skip: ReadonlySet<string> = new Set()): FirewallChain[] {
  const chains = new Map<string, Mutable<FirewallChain> & { rules: FirewallRule[] }>();
  for (const { chain, rule } of itemsOf(text)) {
    if (isPlainObject(chain)) {
      const family = FAMILIES[String(chain.family)];
      if (family === undefined || skip.has(`${chain.family} ${chain.table}`)) continue;
      const id = chainId(chain, chain.name);
      const hook = HOOKS.has(String(chain.hook)) ? (chain.hook as Hook) : null;
      chains.set(id, { id, family, hook, policy: chain.policy === "drop" ? "drop" : "accept", rules: [] });
    }
    if (isPlainObject(rule)) chains.get(chainId(rule, rule.chain))?.rules.push(parseRule(rule));
  }
  return [...chains.values()];
}

function itemsOf(text: string): JsonObject[] {
  const root = JSON.parse(text) as JsonValue;
  const items = isPlainObject(root) && Array.isArray(root.nftables) ? root.nftables : [];
  return items.filter(isPlainObject);
}

function chainId(of: JsonObject, name: JsonValue | undefined): string {
  return `nft table ${of.family} ${of.table}, chain ${name}`;
}

function parseRule(json: JsonObject): FirewallRule {
  const rule: Mutable<FirewallRule> = {
    ...PLAIN_RULE,
    text: `${chainId(json, json.chain)}, handle ${json.handle}`,
  };
  for (const statement of Array.isArray(json.expr) ? json.expr : []) {
    if (!isPlainObject(statement)) continue;
    for (const [kind, value] of Object.entries(statement)) {
      const verdict = verdictOf(kind, value, json);
      if (verdict !== null) rule.verdict = verdict;
      else if (kind === "match" && isPlainObject(value)) addMatch(rule, value);
      else if (kind === "mangle" && isPlainObject(value)) rule.mark = markOf(value) ?? rule.mark;
      else if (kind === "limit") rule.vague = true;
      else if (!CONTINUING.has(kind)) rule.verdict = { kind: "unknown" };
    }
  }
  return rule;
}

function verdictOf(kind: string, value: JsonValue, rule: JsonObject): Verdict | null {
  if (kind === "accept" || kind === "drop" || kind === "return") return { kind };
  if (kind === "reject") return { kind: "drop" };
  if ((kind === "jump" || kind === "goto") && isPlainObject(value)) {
    return { kind, chain: chainId(rule, value.target) };
  }
  return null;
}

function addMatch(rule: Mutable<FirewallRule>, { op, left, right }: JsonObject): void {
  const known = (op === "==" || op === "in") && isPlainObject(left) && right !== undefined;
  if (!known || !understand(rule, left, listOf(right))) rule.vague = true;
}

/** Whether it was understood. */
function understand(rule: Mutable<FirewallRule>, left: JsonObject, right: readonly JsonValue[]): boolean {
  const { payload, meta, ct } = left;
  if (isPlainObject(payload)) {
    const { protocol, field } = payload;
    if ((field === "saddr" || field === "daddr") && (protocol === "ip" || protocol === "ip6")) {
      const networks = right.map(networkOf);
      if (networks.includes(null)) return false;
      rule.family = protocol === "ip" ? 4 : 6;
      rule[field === "saddr" ? "sources" : "destinations"] = networks as Network[];
      return true;
    }
    if (field === "sport" || field === "dport") {
      const ranges = right.map(portsOf);
      if (ranges.includes(null)) return false;
      if (protocol !== "th") rule.protocols = [String(protocol)];
      rule[field === "sport" ? "sourcePorts" : "destinationPorts"] = ranges as PortRange[];
      return true;
    }
    if ((protocol === "ip" && field === "protocol") || (protocol === "ip6" && field === "nexthdr")) {
      rule.family = protocol === "ip" ? 4 : 6;
      rule.protocols = right.map(String);
      return right.every((each) => typeof each === "string");
    }
    return false;
  }
  if (isPlainObject(meta)) {
    if (!right.every((each) => typeof each === "string")) return false;
    if (meta.key === "l4proto") rule.protocols = right.map(String);
    else if (meta.key === "iifname" || meta.key === "iif") rule.inputs = right.map(String);
    else if (meta.key === "nfproto") rule.family = right[0] === "ipv4" ? 4 : 6;
    else return false;
    return !right.some((each) => String(each).startsWith("@"));
  }
  if (isPlainObject(ct) && ct.key === "state") {
    rule.states = right.map(String);
    return true;
  }
  return false;
}

/** A set's elements, or the one value. */
function listOf(value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  return isPlainObject(value) && Array.isArray(value.set) ? value.set : [value];
}

function networkOf(value: JsonValue): Network | null {
  if (typeof value === "string") {
    return /^[0-9a-f.:]+$/i.test(value) ? { address: value, length: value.includes(":") ? 128 : 32 } : null;
  }
  if (!isPlainObject(value) || !isPlainObject(value.prefix)) return null;
  return { address: String(value.prefix.addr), length: Number(value.prefix.len) };
}

function portsOf(value: JsonValue): PortRange | null {
  if (typeof value === "number") return { first: value, last: value };
  if (!isPlainObject(value) || !Array.isArray(value.range)) return null;
  const [first, last] = value.range.map(Number);
  return first === undefined || last === undefined ? null : { first, last };
}

/** `meta mark set …`: a number, or one that keeps some bits. */
function markOf({ key, value }: JsonObject): FirewallRule["mark"] {
  if (!isPlainObject(key) || !isPlainObject(key.meta) || key.meta.key !== "mark") return null;
  if (typeof value === "number") return { value: value >>> 0, mask: ALL_BITS };
  if (!isPlainObject(value)) return null;
  const parts = value["|"] ?? value["^"];
  if (!Array.isArray(parts)) return null;
  const [kept, set] = parts;
  if (typeof set !== "number") return null;
  const and = isPlainObject(kept) && Array.isArray(kept["&"]) ? kept["&"][1] : undefined;
  const keeps = typeof and === "number" ? and >>> 0 : ALL_BITS;
  const changed = (~keeps & ALL_BITS) >>> 0;
  return { value: set >>> 0, mask: value["|"] === undefined ? changed : (changed | set) >>> 0 };
}
