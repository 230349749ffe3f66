/** Asks the system's own programs for the rules of the calling thread's network namespace. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { findSystemProgram, listNftTables, SYSTEM_FOLDERS, SystemError } from "../../../linux/index.ts";
import { TABLES } from "../../rules/text/tables.ts";
import { parseIptablesSave } from "./iptables-save.ts";
import type { Firewall, FirewallChain } from "./model.ts";
import { parseNftRuleset } from "./nft-json.ts";

/** How long to wait for each, ms. */
const PATIENCE = 5000;
const MOST_OUTPUT = 64 << 20;
/** Tables that iptables keeps in nftables; it tells more of them than nft does. */
const OF_IPTABLES = new RegExp(`^ip6? (${TABLES.join("|")})$`);

/**
 * What there is of nftables, iptables and ip6tables, in both of their kinds. A program that is missing, or fails, has no rules. None
 * is run where the kernel has no tables for it.
 */
export function readFirewall(): Firewall {
  const tables = nftTables();
  const shown = new Set(tables.filter((table) => OF_IPTABLES.test(table)));
  const uses = (family: "ip" | "ip6"): boolean => [...shown].some((table) => table.startsWith(`${family} `));
  const four = uses("ip") ? run("iptables-save") : "";
  const six = uses("ip6") ? run("ip6tables-save") : "";
  return {
    chains: [
      ...parseIptablesSave(four, 4),
      ...parseIptablesSave(six, 6),
      ...(hasLegacy("ip_tables_names") ? parseIptablesSave(run("iptables-legacy-save"), 4) : []),
      ...(hasLegacy("ip6_tables_names") ? parseIptablesSave(run("ip6tables-legacy-save"), 6) : []),
      ...(tables.length > shown.size || (shown.size > 0 && four + six === "")
        ? nft(four + six === "" ? NONE : shown)
        : []),
    ],
  };
}

const NONE: ReadonlySet<string> = new Set();

function nft(skip: ReadonlySet<string>): FirewallChain[] {
  const ruleset = run("nft", "-j", "list", "ruleset");
  return ruleset === "" ? [] : parseNftRuleset(ruleset, skip);
}

function nftTables(): string[] {
  try {
    return listNftTables();
  } catch (error) {
    // A kernel without nftables.
    if (error instanceof SystemError) return [];
    throw error;
  }
}

/** Whether the tables of iptables' older kind are in use. */
function hasLegacy(file: string): boolean {
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, "utf8") !== "";
  } catch {
    // Its module is not loaded.
    return false;
  }
}

/** What the system's own program prints; "" if it cannot be run. */
function run(program: string, ...words: readonly string[]): string {
  const path = findSystemProgram(program);
  if (path === null) return "";
  const { status, stdout } = spawnSync(path, words, {
    encoding: "utf8",
    timeout: PATIENCE,
    maxBuffer: MOST_OUTPUT,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PATH: SYSTEM_FOLDERS.join(":") },
  });
  return status === 0 ? stdout : "";
}
