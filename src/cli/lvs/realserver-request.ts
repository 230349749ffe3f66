import { RealServerError } from "../../ipvs/realserver/errors.ts";
import { type RealServerMode, TUNNEL_TYPES, type TunnelType } from "../../ipvs/realserver/model.ts";
import { virtualAddress } from "../../ipvs/realserver/virtual-address.ts";
import { parsePort } from "../../net/index.ts";
import { UsageError } from "./usage-error.ts";
import { type OptionRule, type ReadWords, readWords, refuseRest } from "./words.ts";

const ACTIONS = ["start", "stop", "status"] as const;
type Action = (typeof ACTIONS)[number];

/** What `lvs realserver` was asked to do. */
export interface RealServerCommand {
  readonly kind: "realserver";
  readonly action: Action;
  /** In canonical text, in the order said. */
  readonly vips: readonly string[];
  /** What was not said is undefined. */
  readonly mode: RealServerMode | undefined;
  readonly interfaces: readonly string[] | undefined;
  readonly guePort: number | undefined;
  readonly types: readonly TunnelType[] | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const COMMON = {
  vip: { spellings: ["--vip"], argument: "an address" },
  json: { spellings: ["--json"], argument: null },
} as const satisfies Record<string, OptionRule>;
const DRY_RUN = { dryRun: { spellings: ["--dry-run"], argument: null } } as const;
const HOW = {
  mode: { spellings: ["--mode"], argument: "dr or tun" },
  interface: { spellings: ["--interface"], argument: "an interface" },
  guePort: { spellings: ["--gue-port"], argument: "a port" },
  types: { spellings: ["--tun-type"], argument: "ipip, gue or gre" },
} as const satisfies Record<string, OptionRule>;

/** What each action takes. */
const RULES: Readonly<Record<Action, Readonly<Record<string, OptionRule>>>> = {
  start: { ...COMMON, ...HOW, ...DRY_RUN },
  stop: { ...COMMON, ...DRY_RUN },
  status: { ...COMMON, ...HOW },
};

/** Reads the words behind `lvs realserver`. Throws UsageError. */
export function readRealServerCommand(words: readonly string[]): RealServerCommand {
  const [first, ...rest] = words;
  const action = ACTIONS.find((name) => name === first);
  if (action === undefined) {
    const got = first === undefined ? "" : `, not "${first}"`;
    throw new UsageError(`lvs realserver wants to know what to do: start, stop or status${got}`);
  }
  const command = `realserver ${action}`;
  const read = readWords(command, rest, RULES[action]);
  refuseRest(command, read);
  const vips = valuesOf(read, "vip").map(readVip);
  if (vips.length === 0 && action !== "status") {
    throw new UsageError(`lvs ${command} wants a virtual address: --vip 192.0.2.1`);
  }
  const mode = readMode(last(read, "mode"));
  const interfaces = valuesOf(read, "interface");
  const how = {
    mode,
    interfaces: interfaces.length === 0 ? undefined : interfaces,
    guePort: readPort(last(read, "guePort")),
    types: readTypes(valuesOf(read, "types")),
  };
  if (mode === "dr" && (how.guePort !== undefined || how.types !== undefined)) {
    throw new UsageError("--gue-port and --tun-type are for --mode tun");
  }
  return {
    ...{ kind: "realserver", action, vips, ...how },
    dryRun: read.options.has("dryRun"),
    json: read.options.has("json"),
  };
}

type Read = ReadWords<string>;

function valuesOf(read: Read, name: string): readonly string[] {
  return read.options.get(name) ?? [];
}

function last(read: Read, name: string): string | undefined {
  return valuesOf(read, name).at(-1);
}

function readVip(text: string): string {
  try {
    return virtualAddress(text);
  } catch (error) {
    throw error instanceof RealServerError ? new UsageError(error.message) : error;
  }
}

function readMode(text: string | undefined): RealServerMode | undefined {
  if (text === undefined || text === "dr" || text === "tun") return text;
  throw new UsageError(`--mode is dr (direct routing) or tun (tunnels), not "${text}"`);
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = parsePort(text);
  if (port === undefined || port === 0) throw new UsageError(`--gue-port is 1 to 65535, not "${text}"`);
  return port;
}

function readTypes(values: readonly string[]): readonly TunnelType[] | undefined {
  if (values.length === 0) return undefined;
  const words = values.flatMap((value) => value.split(","));
  const unknown = words.find((word) => !(TUNNEL_TYPES as readonly string[]).includes(word));
  if (unknown !== undefined) {
    throw new UsageError(`"${unknown}" is no type of tunnel: there are ${TUNNEL_TYPES.join(", ")}`);
  }
  return TUNNEL_TYPES.filter((type) => words.includes(type));
}
