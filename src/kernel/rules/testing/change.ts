/** Rule sets without rules, whose policy decides, in a director of the simulator. */
import { ACTION_ACCEPT, COUNTERS_A_FAMILY, ruleCounts, ruleSets } from "../../tables.ts";
import type { TestDirector } from "../../testing/director.ts";

/** The next set of both families has that policy (ACTION_*), and may drop packets. */
export function changeRules(director: TestDirector, policy: number = ACTION_ACCEPT): void {
  director.machine.run(() => {
    for (const index of [0, 1]) {
      const sets = ruleSets.lookup(index)!;
      const place = sets.places[(sets.generation + 1) & 1]!;
      Object.assign(place, { start: 0, end: 0, policy, counter: 0, drops: 1 });
      sets.generation += 1;
    }
  });
}

/** How many packets of that IP version have met the rules since the director began. */
export function evaluated(director: TestDirector, version: 4 | 6): number {
  const index = version === 6 ? COUNTERS_A_FAMILY : 0;
  return director.machine.run(() => Number(ruleCounts.lookupOn(index, 0)!.packets));
}
