import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { simulatedAdministration } from "../../ipvs/index.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { readRecording } from "../testing/recordings.ts";
import { runCommand } from "../testing/run-lvs.ts";

const ALL = `net.ipv4.vs.conn_reuse_mode = 1
net.ipv4.vs.expire_nodest_conn = 0
net.ipv4.vs.sync_threshold = 3\t50
`;

describe("lvs sysctl", () => {
  for (const [line, output] of [
    ["", ALL],
    ["-a", ALL],
    ["conn_reuse_mode", "net.ipv4.vs.conn_reuse_mode = 1\n"],
    ["net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.conn_reuse_mode = 1\n"],
    ["net/ipv4/vs/conn_reuse_mode", "net.ipv4.vs.conn_reuse_mode = 1\n"],
    ["/proc/sys/net/ipv4/vs/conn_reuse_mode", "net.ipv4.vs.conn_reuse_mode = 1\n"],
    ["-n sync_threshold conn_reuse_mode", "3\t50\n1\n"],
    [
      "conn_reuse_mode conn_reuse_mode=2 conn_reuse_mode",
      "net.ipv4.vs.conn_reuse_mode = 1\nnet.ipv4.vs.conn_reuse_mode = 2\nnet.ipv4.vs.conn_reuse_mode = 2\n",
    ],
    ["-q expire_nodest_conn=1", ""],
    [
      "--json conn_reuse_mode sync_threshold",
      '{\n  "net.ipv4.vs.conn_reuse_mode": 1,\n  "net.ipv4.vs.sync_threshold": [\n    3,\n    50\n  ]\n}\n',
    ],
  ] as const) {
    test(`lvs sysctl ${line}`, async () => {
      assert.deepEqual(await runCommand(`sysctl ${line}`.trim()), { status: 0, stdout: output, stderr: "" });
    });
  }

  test("what fails does not stop the rest", async () => {
    const director = new MemoryAdministration();
    const line = "sysctl conn_reuse=2 conn_reuse_mode=two net.core.somaxconn expire_nodest_conn=1";
    assert.deepEqual(await runCommand(line, director), {
      status: 1,
      stdout: "net.ipv4.vs.expire_nodest_conn = 1\n",
      stderr:
        "lvs: IPVS has no sysctl conn_reuse: `lvs sysctl --all` lists them\n" +
        'lvs: conn_reuse_mode: "two" is not a number\n' +
        "lvs: IPVS has no sysctl net.core.somaxconn: `lvs sysctl --all` lists them\n",
    });
    assert.equal(director.sysctls().find(({ name }) => name === "conn_reuse_mode")!.value, "1");
  });

  test("a name that is nearly right is guessed", async () => {
    const { stderr } = await runCommand("sysctl conn_reuse_mod");
    assert.equal(stderr, "lvs: IPVS has no sysctl conn_reuse_mod: did you mean conn_reuse_mode?\n");
  });
});

describe("lvs sysctl on the director's own tables", () => {
  const director = simulatedAdministration(createMachine({ entries: { connections: 8, due: 8 } }));

  test("shows what IPVS has, with its defaults", async () => {
    const { status, stdout } = await runCommand("sysctl", director);
    assert.equal(status, 0);
    const shown = new Map(stdout.split("\n").map((line) => line.split(" = ") as [string, string]));
    for (const [name, { default: value }] of Object.entries(
      readRecording<Record<string, { default: string }>>("sysctls.json"),
    )) {
      // That of sync_qlen_max depends on the machine's memory.
      if (name !== "sync_qlen_max") assert.equal(shown.get(`net.ipv4.vs.${name}`), value, name);
    }
  });

  test("sets and refuses", async () => {
    const line =
      "sysctl conn_reuse_mode=2 drop_entry=4 sync_threshold=5 sync_ports=3 est_cpulist=0-1 pmtu_disc";
    assert.deepEqual(await runCommand(line, director), {
      status: 1,
      stdout:
        "net.ipv4.vs.conn_reuse_mode = 2\nnet.ipv4.vs.sync_threshold = 5\t50\nnet.ipv4.vs.pmtu_disc = 1\n",
      stderr:
        'lvs: drop_entry: "4" is not a number from 0 to 3\n' +
        'lvs: sync_ports: "3" is not a power of two\n' +
        'lvs: est_cpulist: "0-1" is not settable: rates are estimated by a BPF timer, wherever it runs\n',
    });
  });
});
