/** Settings of a director that are not as they begin. */
import { DEFAULT_TIMEOUTS } from "../../kernel/state/default-timeouts.ts";
import { formatSysctl, SYSCTLS } from "../../kernel/sysctls.ts";
import type { Administration } from "../administration.ts";
import { SETTABLE_STATES } from "../configuration/timeouts.ts";
import type { ChangedSettings } from "./facts.ts";

export const NOTHING_CHANGED: ChangedSettings = { sysctls: [], timeouts: null };

export function changedSettings(administration: Administration): ChangedSettings {
  const { tcp, tcpFin, udp } = administration.timeouts();
  const isDefault = [tcp, tcpFin, udp].every(
    (seconds, index) => seconds === DEFAULT_TIMEOUTS[SETTABLE_STATES[index]!],
  );
  return {
    sysctls: administration.sysctls().filter(({ name, value }) => value !== DEFAULTS.get(name)),
    timeouts: isDefault ? null : { tcp, tcpFin, udp },
  };
}

const DEFAULTS: ReadonlyMap<string, string> = new Map(
  SYSCTLS.map((sysctl) => [
    sysctl.name,
    formatSysctl(
      sysctl,
      sysctl.defaults.map((word) => word >>> 0),
      false,
    ),
  ]),
);
