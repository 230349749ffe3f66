import type { ServiceKey } from "../../ipvs/model.ts";
import type { ListFormat } from "./listing.ts";
import type { OptionName } from "./options.ts";
import { UsageError } from "./usage-error.ts";

/** What `--list` is to show. */
export interface ListRequest {
  readonly what: "services" | "connections" | "timeouts" | "daemons";
  /** Only this service, or null for all. */
  readonly service: ServiceKey | null;
  readonly format: ListFormat;
  readonly exact: boolean;
  readonly sorted: boolean;
  readonly numeric: boolean;
}

/** Of several formats the first in this order counts. */
const FORMATS: readonly (readonly [OptionName, ListFormat])[] = [
  ["stats", "statistics"],
  ["rate", "rates"],
  ["thresholds", "thresholds"],
  ["persistent-conn", "persistent"],
  ["tun-info", "tunnels"],
];

const COUNTERS: readonly OptionName[] = ["stats", "rate", "thresholds"];

/**
 * What to list, from the options given, which must be legal with `--list`.
 *
 * @throws UsageError if a format is asked for that what is listed does not have
 */
export function listRequest(given: ReadonlySet<OptionName>, service: ServiceKey | null): ListRequest {
  const what = given.has("connection")
    ? "connections"
    : given.has("timeout")
      ? "timeouts"
      : given.has("daemon")
        ? "daemons"
        : "services";
  const strange =
    what === "services" ? [] : what === "connections" ? COUNTERS : [...COUNTERS, "persistent-conn" as const];
  if (strange.some((option) => given.has(option))) {
    throw new UsageError("options conflicts in the list command");
  }
  return {
    what,
    service,
    format: FORMATS.find(([option]) => given.has(option))?.[1] ?? "plain",
    exact: given.has("exact"),
    sorted: !given.has("nosort"),
    numeric: given.has("numeric"),
  };
}
