/** The recorded choices of IPVS's schedulers, made by the datapath from what the administration writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Replay, readCases, SCHEDULING_FILES } from "../kernel/schedule/testing/replay.ts";
import { runCommand } from "../kernel/testing/commands.ts";
import { TestDirector } from "../kernel/testing/director.ts";
import { interfaceOf, tcpFrame } from "../kernel/testing/frames.ts";
import type { ServiceKey } from "./model.ts";
import { SimulatedPlane } from "./simulated-plane.ts";
import { TableAdministration } from "./table-administration.ts";
import { Administered } from "./testing/administered.ts";
import { plainServer, plainService } from "./testing/plain.ts";

for (const file of SCHEDULING_FILES) {
  for (const each of readCases(file)) {
    test(`${each.id}: as recorded, through the administration`, () => {
      const director = new TestDirector({ connectionLimit: 512 });
      const administered = new Administered(new TableAdministration(new SimulatedPlane(director.machine)));
      const runner = {
        run: (argv: readonly string[]) => runCommand(administered, argv),
        loads: () => administered.loads(),
      };
      const replay = new Replay(director, runner, each);
      for (const step of each.steps) replay.step(step);
    });
  }
}

test("connections are listed as IPVS lists them", () => {
  const director = new TestDirector();
  const administration = new TableAdministration(new SimulatedPlane(director.machine));
  const key: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };
  administration.addService(plainService(key, { scheduler: "rr" }));
  administration.addDestination(key, plainServer("10.0.0.1", { port: 8080 }));
  const frame = tcpFrame("client", "198.18.0.10:40000", "192.0.2.1:80", "S");
  director.receive(frame, { ifindex: interfaceOf("client") });
  director.wait(10);
  assert.deepEqual(
    [...administration.connections()].map(({ timeout: _timeout, service: _service, ...shown }) => shown),
    [
      {
        template: false,
        method: "masquerade",
        protocol: "TCP",
        state: "SYN_RECV",
        expires: 50,
        source: { family: 4, address: "198.18.0.10", port: 40000 },
        local: { family: 4, address: "198.18.0.10", port: 40000 },
        virtual: { family: 4, address: "192.0.2.1", port: 80 },
        destination: { family: 4, address: "10.0.0.1", port: 8080 },
        engine: null,
      },
    ],
  );
  director.wait(60);
  assert.deepEqual([...administration.connections()], []);
});
