import { UsageError } from "./usage-error.ts";
import { readWords } from "./words.ts";

/** Where the kernel's IPVS has its sysctls. */
export const SYSCTL_PREFIX = "net.ipv4.vs.";

/** What `lvs sysctl` was asked to do. */
export interface SysctlRequest {
  readonly kind: "sysctl";
  /** In the order said: sysctls to show, or (`value` not null) to set. None: show all. */
  readonly items: readonly { readonly name: string; readonly value: string | null }[];
  readonly json: boolean;
  /** Show values without names. */
  readonly valuesOnly: boolean;
  /** Do not show what was set. */
  readonly quiet: boolean;
}

/** Reads the words behind `lvs sysctl`. Throws UsageError. */
export function readSysctlRequest(words: readonly string[]): SysctlRequest {
  const { options, rest } = readWords("sysctl", words, {
    all: { spellings: ["--all", "-a"], argument: null },
    json: { spellings: ["--json"], argument: null },
    values: { spellings: ["--values", "-n"], argument: null },
    quiet: { spellings: ["--quiet", "-q"], argument: null },
    write: { spellings: ["--write", "-w"], argument: null },
  });
  const items = rest.map(readItem);
  if (options.has("all") && items.length > 0) {
    throw new UsageError("lvs sysctl shows either --all sysctls or those named");
  }
  if (options.has("write") && (items.length === 0 || items.some(({ value }) => value === null))) {
    throw new UsageError("lvs sysctl --write wants NAME=VALUE");
  }
  return {
    kind: "sysctl",
    items,
    json: options.has("json"),
    valuesOnly: options.has("values"),
    quiet: options.has("quiet"),
  };
}

function readItem(word: string): SysctlRequest["items"][number] {
  const equals = word.indexOf("=");
  const name = shortName(equals < 0 ? word : word.slice(0, equals));
  if (name === "") throw new UsageError(`"${word}" names no sysctl`);
  if (equals < 0) return { name, value: null };
  const value = word.slice(equals + 1).trim();
  if (value === "") throw new UsageError(`"${word}" has no value behind the =`);
  return { name, value };
}

/** Without the prefix, however that is written; a name of another part of the kernel stays whole. */
function shortName(text: string): string {
  const dotted = text
    .trim()
    .replace(/^\/proc\/sys\//, "")
    .replaceAll("/", ".");
  return dotted.startsWith(SYSCTL_PREFIX) ? dotted.slice(SYSCTL_PREFIX.length) : dotted;
}
