import type { DirectorFacts, HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { remakeCommand } from "./larger-table.ts";
import { type DirectorCheck, refreshDatapath } from "./view.ts";

/** From this share on a table counts as full. */
const NEARLY_FULL = 0.9;

/** Whether the director's own state is sound. */
export const checkState: DirectorCheck = (director, host) => {
  const { status } = director;
  if (status.state === "unusable") {
    return [
      {
        code: "state-unusable",
        severity: "error",
        where: status.directory,
        what: status.problem ?? "the state of the director cannot be read",
        why: "No command can change or show anything; packets are forwarded as they were before, if at all.",
        remedy: { kind: "advice", command: "lvs unload" },
      },
    ];
  }
  return [...clock(status, host), ...programs(status, host), ...tables(director, host)];
};

function clock({ clock: state, program }: DirectorFacts["status"], host: HostFacts): Finding[] {
  if (state === null || program === null || state.ticking) return [];
  const last =
    state.age === null ? "it has never ticked" : `it last ticked ${(state.age / 1000).toFixed(0)} s ago`;
  return [
    {
      code: "clock-stopped",
      severity: "error",
      where: "datapath",
      what: `The datapath's clock stands still: ${last}.`,
      why: "No connection ends any more, so that the table fills up, and no rates are estimated.",
      remedy: refreshDatapath(host),
    },
  ];
}

function programs({ programs: list }: DirectorFacts["status"], host: HostFacts): Finding[] {
  const stale = list.filter(({ current }) => !current);
  if (stale.length === 0) return [];
  return [
    {
      code: "program-stale",
      severity: "warning",
      where: "datapath",
      what: `Programs of another version of lvs handle packets: ${stale.map(({ name }) => name).join(", ")}.`,
      why: "What this version mends or adds has no effect yet. The next change of the configuration replaces them.",
      remedy: refreshDatapath(host),
    },
  ];
}

function tables(director: DirectorFacts, host: HostFacts): Finding[] {
  const { tables: list, events } = director.status;
  return list
    .filter(({ used, size }) => used >= size * NEARLY_FULL)
    .map(({ table, used, size }) => ({
      code: "table-full",
      severity: "warning",
      where: table,
      what: `${used} of ${size} ${table} are in use.`,
      why:
        table === "connections"
          ? `New flows that find no room are forwarded without state (${events.stateless ?? 0n} packets so far): no persistence, no thresholds, and they may change servers when servers change. The table is as large as when it was made; making the director anew ends all connections and zeroes all counters.`
          : "What does not fit is refused.",
      remedy:
        table === "connections" ? { kind: "advice", command: remakeCommand(director, host, 4 * size) } : null,
    }));
}
