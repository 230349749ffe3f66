import type { ConnectionFilter } from "./connection-filter.ts";
import { type DoctorRequest, readDoctorRequest } from "./doctor-request.ts";
import { type ExplainCommand, readExplainCommand } from "./explain-request.ts";
import { FILTER_OPTIONS, readFilter } from "./filter-options.ts";
import { type RealServerCommand, readRealServerCommand } from "./realserver-request.ts";
import { type RulesRequest, readRulesRequest } from "./rules-request.ts";
import { readSysctlRequest, type SysctlRequest } from "./sysctl-request.ts";
import { UsageError } from "./usage-error.ts";
import { readWords, refuseRest } from "./words.ts";

/** The commands of `lvs`. */
export const COMMANDS = [
  "attach",
  "detach",
  "status",
  "connections",
  "flush",
  "sysctl",
  "realserver",
  "rules",
  "explain",
  "doctor",
  "unload",
  "lab",
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What there is help about. */
export const TOPICS = [...COMMANDS, "ipvsadm", "iptables"] as const;
export type Topic = (typeof TOPICS)[number];

/** What `lvs` was asked to do. */
export type Request =
  | { readonly kind: "help"; readonly topic: Topic | null }
  | { readonly kind: "version" }
  | { readonly kind: "attach" | "detach"; readonly interfaces: readonly string[] }
  | { readonly kind: "status"; readonly json: boolean }
  | { readonly kind: "connections"; readonly filter: ConnectionFilter; readonly json: boolean }
  /** `filter` null: everything. */
  | { readonly kind: "flush"; readonly filter: ConnectionFilter | null }
  | SysctlRequest
  | RealServerCommand
  | RulesRequest
  | ExplainCommand
  | DoctorRequest
  | { readonly kind: "unload" }
  /** `variant` null: the usual one. */
  | {
      readonly kind: "lab";
      readonly name: string;
      readonly variant: string | null;
      readonly keep: boolean;
      readonly remove: boolean;
    };

const JSON_OPTION = { json: { spellings: ["--json"], argument: null } } as const;

/** Reads the arguments behind `lvs`. Throws {@link UsageError}. */
export function parseRequest(argv: readonly string[]): Request {
  const [command, ...rest] = argv;
  if (command === undefined) throw new UsageError(`a command is missing: one of ${COMMANDS.join(", ")}`);
  if (command === "--version" || command === "-v") return { kind: "version" };
  if (command === "help") return { kind: "help", topic: rest[0] === undefined ? null : topic(rest[0]) };
  if (argv.includes("--help") || argv.includes("-h")) {
    const topic = TOPICS.find((name) => name === command) ?? null;
    if (topic === null && !command.startsWith("-")) throw unknownCommand(command);
    return { kind: "help", topic };
  }
  switch (command) {
    case "attach":
    case "detach":
      return { kind: command, interfaces: readWords(command, rest, {}).rest };
    case "status": {
      const read = readWords(command, rest, JSON_OPTION);
      refuseRest(command, read);
      return { kind: command, json: read.options.has("json") };
    }
    case "connections": {
      const read = readWords(command, rest, { ...JSON_OPTION, ...FILTER_OPTIONS });
      refuseRest(command, read);
      return { kind: command, filter: readFilter(read.options), json: read.options.has("json") };
    }
    case "flush":
      return { kind: command, filter: readFlush(rest) };
    case "sysctl":
      return readSysctlRequest(rest);
    case "realserver":
      return readRealServerCommand(rest);
    case "rules":
      return readRulesRequest(rest);
    case "explain":
      return readExplainCommand(rest);
    case "doctor":
      return readDoctorRequest(rest);
    case "unload":
      refuseRest(command, readWords(command, rest, {}));
      return { kind: command };
    case "lab":
      return readLab(rest);
    default:
      throw unknownCommand(command);
  }
}

function unknownCommand(word: string): UsageError {
  return new UsageError(`there is no command "${word}": there are ${COMMANDS.join(", ")}`);
}

function topic(word: string): Topic {
  const found = TOPICS.find((name) => name === word);
  if (found === undefined)
    throw new UsageError(`there is no help on "${word}", only on ${TOPICS.join(", ")}`);
  return found;
}

function readFlush(words: readonly string[]): ConnectionFilter | null {
  const ALL = { all: { spellings: ["--all"], argument: null } } as const;
  const read = readWords("flush", words, { ...ALL, ...FILTER_OPTIONS });
  refuseRest("flush", read);
  const all = read.options.has("all");
  if (all && read.options.size > 1) {
    throw new UsageError("lvs flush ends either --all connections or those of a filter");
  }
  if (!all && read.options.size === 0) {
    throw new UsageError("lvs flush wants to know which connections to end; to end every one, say --all");
  }
  return all ? null : readFilter(read.options);
}

function readLab(words: readonly string[]): Request {
  const { options, rest } = readWords("lab", words, {
    keep: { spellings: ["--keep"], argument: null },
    remove: { spellings: ["--remove"], argument: null },
  });
  const [name, variant = null, ...more] = rest;
  if (name === undefined || more.length > 0) {
    throw new UsageError(
      "lvs lab takes the name of one lab, as in `lvs lab nat`, and which of its kind, as in `lvs lab nat rr`",
    );
  }
  const keep = options.has("keep");
  const remove = options.has("remove");
  if (keep && remove)
    throw new UsageError("lvs lab either keeps a lab (--keep) or takes one down (--remove)");
  return { kind: "lab", name, variant, keep, remove };
}
