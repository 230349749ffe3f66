/** Asks the system's own programs for the rules of the calling thread's network namespace. */
import { spawnSync } from "node:child_process";
import { parseIptablesSave } from "./iptables-save.ts";
import type { Firewall, FirewallChain } from "./model.ts";
import { parseNftRuleset } from "./nft-json.ts";

/** How long to wait for each, ms. */
const PATIENCE = 5000;
const MOST_OUTPUT = 64 << 20;
/** Not a program of ours of the same name, wherever PATH leads. */
const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"];

/** What there is of iptables, ip6tables and nftables. A program that is missing, or fails, has no rules. */
export function readFirewall(): Firewall {
  const four = run("iptables-save");
  const six = run("ip6tables-save");
  const chains = [...parseIptablesSave(four, 4), ...parseIptablesSave(six, 6)];
  // What iptables shows of nftables' tables is not looked at twice.
  const shown = new Set([...tablesIn(four, "ip"), ...tablesIn(six, "ip6")]);
  return { chains: [...chains, ...nft(shown)] };
}

function nft(skip: ReadonlySet<string>): FirewallChain[] {
  const text = run("nft", "-j", "list", "ruleset");
  try {
    return text === "" ? [] : parseNftRuleset(text, skip);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function tablesIn(saved: string, family: string): string[] {
  return [...saved.matchAll(/^\*(\w+)/gm)].map(([, table]) => `${family} ${table}`);
}

function run(program: string, ...words: readonly string[]): string {
  const { status, stdout } = spawnSync(program, words, {
    encoding: "utf8",
    timeout: PATIENCE,
    maxBuffer: MOST_OUTPUT,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PATH: FOLDERS.join(":") },
  });
  return status === 0 ? stdout : "";
}
