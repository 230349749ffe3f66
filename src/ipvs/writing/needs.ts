/** What a configuration asks of the datapath's program. */
import { PROTOCOL_TCP } from "../../kernel/tables.ts";
import type { Draft } from "../configuration/draft.ts";
import type { DraftService } from "../configuration/draft-service.ts";
import { readService } from "../configuration/published.ts";
import type { Needs } from "../plane.ts";

export const NO_NEEDS: Needs = {
  tcp: false,
  udp: false,
  schedulers: new Set(),
  portMapping: false,
  thresholds: false,
};

export function needsOf(services: Iterable<DraftService>): Needs {
  let tcp = false;
  let udp = false;
  let portMapping = false;
  let thresholds = false;
  const schedulers = new Set<number>();
  for (const { identity, scheduler, list } of services) {
    if (identity.protocol === PROTOCOL_TCP) tcp = true;
    else udp = true;
    schedulers.add(scheduler);
    for (const { port, upper } of list) {
      if (port !== 0 && port !== identity.port) portMapping = true;
      if (upper !== 0) thresholds = true;
    }
  }
  return { tcp, udp, schedulers, portMapping, thresholds };
}

/** The needs of the whole configuration as the draft makes it. */
export function needsOfAll(draft: Draft): Needs {
  const unchanged = draft.unchangedRows().map((row) => readService(draft.memory, row));
  return needsOf([...draft.changed, ...unchanged]);
}

/** Whether a program made for `have` does for `needs`. */
export function satisfies(have: Needs, needs: Needs): boolean {
  return (
    (have.tcp || !needs.tcp) &&
    (have.udp || !needs.udp) &&
    (have.portMapping || !needs.portMapping) &&
    (have.thresholds || !needs.thresholds) &&
    [...needs.schedulers].every((scheduler) => have.schedulers.has(scheduler))
  );
}
