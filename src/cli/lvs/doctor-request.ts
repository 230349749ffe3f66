import { formatIp, parseIp } from "../../net/index.ts";
import { UsageError } from "./usage-error.ts";
import { readWords, refuseRest } from "./words.ts";

/** What `lvs doctor` was asked to do. */
export interface DoctorRequest {
  readonly kind: "doctor";
  readonly json: boolean;
  /** Run what is safe. */
  readonly fix: boolean;
  /** Null: what the host is by what can be seen. */
  readonly role: "director" | "realserver" | null;
  /** Virtual addresses that a real server ought to have, canonical text. */
  readonly virtualAddresses: readonly string[];
  /** Addresses of a real server's director, canonical text. */
  readonly directors: readonly string[];
  /** Ask real servers and the network. */
  readonly probe: boolean;
}

const ROLES = ["director", "realserver"] as const;

/** Reads the words behind `lvs doctor`. Throws UsageError. */
export function readDoctorRequest(words: readonly string[]): DoctorRequest {
  const read = readWords("doctor", words, {
    json: { spellings: ["--json"], argument: null },
    fix: { spellings: ["--fix"], argument: null },
    role: { spellings: ["--role"], argument: `one of ${ROLES.join(", ")}` },
    vip: { spellings: ["--vip"], argument: "a virtual address" },
    director: { spellings: ["--director"], argument: "an address of the director" },
    noProbe: { spellings: ["--no-probe"], argument: null },
  });
  refuseRest("doctor", read);
  const { options } = read;
  const said = options.get("role") ?? [];
  const role = ROLES.find((each) => each === said[0]) ?? null;
  if (said.length > 1 || (said.length === 1 && role === null)) {
    throw new UsageError(`lvs doctor --role is one of ${ROLES.join(", ")}, not ${said.join(" and ")}`);
  }
  const virtualAddresses = (options.get("vip") ?? []).map((text) => address("--vip", text));
  const directors = (options.get("director") ?? []).map((text) => address("--director", text));
  if (role === "director" && virtualAddresses.length + directors.length > 0) {
    throw new UsageError("--vip and --director describe a real server, not a director");
  }
  const told = virtualAddresses.length + directors.length > 0;
  return {
    kind: "doctor",
    json: options.has("json"),
    fix: options.has("fix"),
    role: role ?? (told ? "realserver" : null),
    virtualAddresses,
    directors,
    probe: !options.has("noProbe"),
  };
}

function address(option: string, text: string): string {
  const found = parseIp(text);
  if (found === undefined)
    throw new UsageError(`${option} wants an address such as 192.0.2.1, not "${text}"`);
  return formatIp(found);
}
