/** The recorded choices of IPVS's schedulers, made again by the datapath in the simulator. */
import { test } from "node:test";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { Replay, readCases, SCHEDULING_FILES } from "./testing/replay.ts";

for (const file of SCHEDULING_FILES) {
  for (const each of readCases(file)) {
    test(`${each.id}: as recorded`, () => {
      const director = new TestDirector({ connectionLimit: 512 });
      const { configuration } = director;
      const replay = new Replay(
        director,
        {
          run: (argv) => runCommand(configuration, argv),
          loads: () =>
            configuration.allServers().map(({ endpoint, weight, slot }) => ({
              rs: endpoint,
              weight,
              ...director.load(slot),
            })),
        },
        each,
      );
      for (const step of each.steps) replay.step(step);
    });
  }
}
