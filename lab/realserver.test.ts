/** Real servers that nothing but `lvs realserver` sets up: real requests, who answers for an address, and what is left behind. */
import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { realServerStatus, setUpRealServer, takeDownRealServer } from "../src/ipvs/realserver/real-server.ts";
import { inNetworkNamespace, spawnInNamespace } from "../src/linux/index.ts";
import { buildNetwork, deviceOf, namespaceOf, ownPrefix, removeNetwork } from "./network.ts";
import { isInstalled, untilReady } from "./process.ts";
import { hostState } from "./realserver/host-state.ts";
import { wordsAbout } from "./realserver/neighbours.ts";
import {
  type Answer,
  commandAt,
  FAMILIES,
  lan,
  OTHER_GUE_PORT,
  realServerPlan,
  rules,
  runAt,
  SERVERS,
  urlOf,
  VIP,
  WAYS,
} from "./realserver/network.ts";

const root = process.getuid?.() === 0;
const skip = !root && "network namespaces need root";
const prefix = ownPrefix("lvs-real");
const plan = realServerPlan(prefix);
const node = (name: string): string => namespaceOf(plan, name);

const lvs = (server: string, line: string): Answer => runAt(plan, server, "lvs", `realserver ${line}`);
const vips = (kind: keyof typeof VIP): string =>
  FAMILIES.map((family) => `--vip ${VIP[kind][family]}`).join(" ");
const both = (kind: keyof typeof VIP, word: string): string =>
  FAMILIES.map((family) => `${VIP[kind][family]} ${word}\n`).join("");

function said(answer: Answer, stdout: string | RegExp, status = 0): void {
  if (typeof stdout === "string") assert.equal(answer.stdout, stdout);
  else assert.match(answer.stdout, stdout);
  assert.equal(`${answer.status} ${answer.stderr}`, `${status} `);
}

/** A GET is answered with the server's name, a POST with the number of bytes, too. */
const WEB_SERVER = `
  const ports = process.argv.slice(2).map(Number);
  let open = 0;
  for (const port of ports) require("http").createServer((request, response) => {
    let bytes = 0;
    request.on("data", (data) => { bytes += data.length; });
    request.on("end", () => response.end(process.argv[1] + " " + bytes + "\\n"));
  }).listen(port, "::", () => { if (++open === ports.length) console.log("ready"); });`;
const UPLOAD = 400_000;
const KILLED_CHANGE = fileURLToPath(new URL("./realserver/killed-change.js", import.meta.url));

describe("real servers", { skip, timeout: 300_000 }, () => {
  const untouched = new Map<string, readonly string[]>();
  const children: ChildProcess[] = [];

  before(() => {
    if (!root) return;
    buildNetwork(plan);
    for (const server of SERVERS) untouched.set(server, hostState(node(server)));
  });

  after(() => {
    if (!root) return;
    for (const child of children) child.kill("SIGKILL");
    for (const name of ["director", ...SERVERS]) runAt(plan, name, "lvs", "unload");
    for (const server of SERVERS)
      for (const kind of ["dr", "tun", "port"] as const) lvs(server, `stop ${vips(kind)}`);
    removeNetwork(prefix);
  });

  const unchanged = (server: string): void =>
    assert.deepEqual(hostState(node(server)), untouched.get(server), `${server} is as it was`);

  test("--dry-run changes nothing, and its commands do the same", () => {
    const dry = lvs("server1", `start ${vips("dr")} --dry-run`);
    assert.equal(dry.status, 0);
    unchanged("server1");
    said(commandAt(plan, "server1", ["sh", "-e"], dry.stdout), /./);
    const byHand = hostState(node("server1"));
    said(lvs("server1", `status ${vips("dr")}`), /^192.168.0.38 for direct routing: complete\n/);
    const undo = lvs("server1", `stop ${vips("dr")}`);
    assert.equal(undo.status, 1);
    assert.match(undo.stdout, /192.168.0.38 stays on lo: it was not put there by lvs/);
    const commands = dry.stdout
      .replaceAll(" add ", " delete ")
      .replaceAll(/ label .*| preferred_lft .*/g, "")
      .replaceAll(/=[12]$/gm, "=0");
    commandAt(plan, "server1", ["sh"], commands);
    unchanged("server1");
    said(lvs("server1", `start ${vips("dr")}`), both("dr", "is set up"));
    // By hand there is no sign of life (src/ipvs/director/life-sign.ts).
    const started = hostState(node("server1")).filter((line) => line !== "program lo");
    assert.deepEqual(started, byHand);
    said(lvs("server1", `start ${vips("dr")}`), both("dr", "is set up already"));
  });

  test("all addresses are set up", () => {
    said(lvs("server2", `start ${vips("dr")}`), both("dr", "is set up"));
    for (const server of SERVERS) {
      said(lvs(server, `start ${vips("tun")} --mode tun --interface eth1`), both("tun", "is set up"));
      const port = `--gue-port ${OTHER_GUE_PORT} --tun-type gue`;
      said(lvs(server, `start ${vips("port")} --mode tun ${port}`), both("port", "is set up"));
      said(lvs(server, `start ${vips("tun")} --mode tun --interface eth1`), both("tun", "is set up already"));
      const statuses = JSON.parse(lvs(server, "status --json").stdout) as {
        vip: string;
        complete: boolean;
      }[];
      assert.deepEqual(
        new Map(statuses.map(({ vip, complete }) => [vip, complete])),
        new Map(["dr", "tun", "port"].flatMap((kind) => FAMILIES.map((f) => [VIP[kind as "dr"][f], true]))),
      );
    }
  });

  for (const family of FAMILIES) {
    const target = VIP.dr[family];
    test(`nobody answers for ${target} but the director`, () => {
      const answers = () =>
        wordsAbout(node("client"), target, node("client")).filter(({ kind }) => kind === "answer");
      assert.deepEqual(answers(), []);
      // What we hear if a server does.
      const loud =
        family === 4
          ? (value: number) =>
              commandAt(plan, "server2", ["sysctl", "-qw", `net.ipv4.conf.all.arp_ignore=${value}`])
          : (value: number) => {
              const verb = value === 0 ? "add" : "delete";
              commandAt(plan, "server2", ["ip", "-6", "address", verb, `${target}/128`, "dev", "eth0"]);
            };
      loud(0);
      const server = deviceOf(plan, "server2", "eth0").mac;
      // IPv6 tries first whether nobody else has it, and then answers.
      const deadline = performance.now() + 5000;
      let heard = answers();
      while (heard.length === 0 && performance.now() < deadline) heard = answers();
      assert.deepEqual([...new Set(heard.map(({ mac }) => mac))], [server]);
      loud(1);
      commandAt(plan, "client", ["ip", "neighbour", "flush", "dev", "eth0"]);
    });

    test(`no server asks for a neighbour as ${target}`, () => {
      const absent = family === 4 ? "192.168.0.77" : "fd00:a::77";
      const questions = wordsAbout(node("server1"), absent, node("client"), target);
      assert.ok(questions.length > 0);
      for (const { from } of questions) assert.notEqual(from, target);
    });
  }

  test("requests", { skip: isInstalled("curl") ? false : "needs curl" }, async (context) => {
    const ports = WAYS.map(({ port }) => String(port));
    for (const server of SERVERS) {
      const argv = [process.execPath, "-e", WEB_SERVER, server, ...ports] as const;
      const child = spawnInNamespace(node(server), argv, { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      await untilReady(child);
    }
    const addresses = Object.values(VIP).flatMap((kind) => [`${kind[4]}/32`, `${kind[6]}/128`]);
    for (const address of addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      commandAt(plan, "director", ["ip", "address", "add", address, "dev", "eth0", ...nodad]);
    }
    said(runAt(plan, "director", "ipvsadm", "-R", rules()), "");
    for (const way of WAYS) {
      await context.test(way.name, () => {
        const url = urlOf(way);
        const curl = ["curl", "-sS", "--max-time", "20", "-H", "Connection: close"] as const;
        const gets = commandAt(plan, "client", [...curl, url, url, url, url]);
        const answers = gets.stdout.trim().split("\n").sort();
        assert.equal(gets.stderr, "");
        assert.deepEqual(answers, ["server1 0", "server1 0", "server2 0", "server2 0"]);
        const post = commandAt(plan, "client", [...curl, "--data-binary", "@-", url], "x".repeat(UPLOAD));
        assert.match(post.stdout, new RegExp(`^server[12] ${UPLOAD}\n$`), post.stderr);
      });
    }
    const { mac } = deviceOf(plan, "director", "eth0");
    const seen = commandAt(plan, "client", ["ip", "neighbour", "show", VIP.dr[4]]).stdout;
    assert.ok(seen.includes(mac), seen);
  });

  test("the tunnel end needs no process, and counts", () => {
    const statuses = JSON.parse(lvs("server1", `status ${vips("tun")} --json`).stdout) as {
      packets: number;
    }[];
    for (const { packets } of statuses) assert.ok(packets > 10, `${packets} packets`);
  });

  test("one stops, the others go on", { skip: isInstalled("curl") ? false : "needs curl" }, () => {
    for (const server of SERVERS) said(lvs(server, `stop ${vips("dr")}`), both("dr", "is taken down"));
    const way = WAYS.find(({ virtual }) => virtual === VIP.tun[4])!;
    const { stdout } = commandAt(plan, "client", ["curl", "-sS", "--max-time", "20", urlOf(way)]);
    assert.match(stdout, /^server[12] 0\n$/);
    said(lvs("server1", `status --vip ${VIP.dr[4]}`), /INCOMPLETE/, 1);
    said(lvs("server1", `status ${vips("tun")}`), /complete/);
  });

  test("everything is as it was when all have stopped", () => {
    said(lvs("server1", `stop ${vips("port")}`), both("port", "is taken down"));
    said(lvs("server1", `stop ${vips("tun")}`), both("tun", "is taken down"));
    said(
      lvs("server2", `stop ${vips("tun")} ${vips("port")}`),
      both("tun", "is taken down") + both("port", "is taken down"),
    );
    for (const server of SERVERS) unchanged(server);
    const again = lvs("server1", `stop --vip ${VIP.tun[4]}`);
    said(again, `${VIP.tun[4]} was not set up by lvs: nothing to do\n`);
  });

  const netTools =
    isInstalled("ifconfig") && isInstalled("route") ? false : "needs ifconfig and route (net-tools)";
  test("beside a tutorial's own script", { skip: netTools }, () => {
    const script = (action: "start" | "stop") => {
      const argv = [
        "sh",
        new URL("../../lab/tutorials/install_vip.sh", import.meta.url).pathname,
        action,
      ] as const;
      const { status, stdout, stderr } = commandAt(plan, "server1", argv);
      assert.equal(`${status} ${stderr}`, "0 ", stdout);
    };
    const vip = "192.168.100.111";
    script("start");
    said(lvs("server1", "status"), /^192.168.100.111 for direct routing: complete\n/);
    said(lvs("server1", `start --vip ${vip}`), `${vip} is set up already\n`);
    said(
      lvs("server1", `stop --vip ${vip}`),
      /is taken down\n {2}192.168.100.111 stays on lo: it was not put there/,
    );
    said(lvs("server1", "status"), /complete/);
    script("stop");
    unchanged("server1");
    // It takes away what it did not put there.
    said(lvs("server1", `start --vip ${vip}`), `${vip} is set up\n`);
    script("stop");
    said(lvs("server1", "status"), /INCOMPLETE, set up by lvs/, 1);
    said(lvs("server1", `start --vip ${vip}`), `${vip} is set up\n`);
    said(lvs("server1", `stop --vip ${vip}`), `${vip} is taken down\n`);
    unchanged("server1");
  });

  test("killed before any step, starting or stopping repairs it", () => {
    const addresses = FAMILIES.map((family) => VIP.dr[family]);
    const start = { vips: addresses, mode: "tun" } as const;
    const here = <T>(work: () => T): T => inNetworkNamespace(node("server1"), work);
    const isComplete = (): boolean =>
      here(() => realServerStatus({ vips: addresses })).every(({ complete }) => complete);
    /** Whether it was killed; else it was done before. */
    const killBefore = (step: number, action: "start" | "stop"): boolean => {
      const argv = ["--no-warnings", KILLED_CHANGE, action, String(step), ...addresses];
      const { signal, status, stderr } = here(() =>
        spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 30_000 }),
      );
      assert.ok(signal === "SIGKILL" || status === 0, stderr);
      return signal === "SIGKILL";
    };
    const kills = { start: 0, stop: 0 };
    let killed = true;
    for (let step = 0; killed; step++) {
      const inStart = killBefore(step, "start");
      if (inStart) kills.start += 1;
      if (step === 0) assert.ok(!isComplete(), "killed before the first step");
      // Half of the time what is half started is stopped at once, and else started, and then half stopped.
      if (step % 2 === 0) {
        here(() => setUpRealServer(start));
        assert.ok(isComplete(), `started again after step ${step}`);
        if (killBefore(step, "stop")) kills.stop += 1;
      }
      here(() => takeDownRealServer(addresses));
      unchanged("server1");
      killed = inStart;
    }
    assert.ok(kills.start > 8 && kills.stop > 4, JSON.stringify(kills));
  });

  test("what cannot be is refused, and nothing changes", () => {
    for (const [line, message, status] of [
      [`start --vip ${VIP.dr[4]} --vip ${lan(4, "server1")}`, /own address on eth0/, 1],
      ["start --vip 224.0.0.1", /multicast/, 2],
    ] as const) {
      const { status: found, stderr } = lvs("server1", line);
      assert.match(stderr, message);
      assert.equal(found, status);
      unchanged("server1");
    }
  });
});
