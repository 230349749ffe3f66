import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { simulatedAdministration } from "../simulated-plane.ts";
import { changedSettings, NOTHING_CHANGED } from "./settings.ts";

test("settings that differ from those of a fresh director", () => {
  const director = simulatedAdministration(createMachine());
  assert.deepEqual(changedSettings(director), NOTHING_CHANGED);
  director.setSysctl("sync_threshold", "5 60");
  director.setSysctl("conn_lfactor", "-2");
  director.setTimeouts({ tcp: 0, tcpFin: 60, udp: 0 });
  assert.deepEqual(changedSettings(director), {
    sysctls: [
      { name: "conn_lfactor", value: "-2" },
      { name: "sync_threshold", value: "5\t60" },
    ],
    timeouts: { tcp: 900, tcpFin: 60, udp: 300 },
  });
});
