/** Real SIP calls (sipp) through services with `--pe sip`: all messages of a call reach one server, whoever sends them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace, spawnInNamespace } from "../src/linux/index.ts";
import { isInstalled } from "./cluster/programs.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, removeNetwork } from "./network.ts";
import { capture } from "./process.ts";

const VIP = "172.16.3.100";
const CLIENT = "172.16.3.1";
/** Another host of the client's: messages of its calls may come from here. */
const OTHER = "172.16.3.2";
const SERVERS = [1, 2, 3] as const;
const CALLS = 30;
const SERVICE = `${VIP}:5060`;

const rip = (number: number) => `192.168.3.${number}`;
const server = (number: number) => `server${number}`;

/** Under NAT servers answer through the director, under direct routing by a link of their own to the client's side. */
function planOf(prefix: string, isDirect: boolean): NetworkPlan {
  const toSwitch = (node: string, device: string, addresses: readonly string[], side: string) =>
    [
      { node, device, addresses },
      { node: side, device: `${node}-p` },
    ] as const;
  return {
    prefix,
    switches: ["outside", "inside"],
    links: [
      toSwitch("client", "eth0", [`${CLIENT}/24`, `${OTHER}/24`], "outside"),
      toSwitch("director", "outside", [`${VIP}/24`], "outside"),
      toSwitch("director", "inside", ["192.168.3.254/24"], "inside"),
      ...SERVERS.map((number) => toSwitch(server(number), "eth0", [`${rip(number)}/24`], "inside")),
      ...(isDirect
        ? SERVERS.map((number) => toSwitch(server(number), "eth1", [`172.16.3.1${number}/24`], "outside"))
        : []),
    ],
    routes: isDirect
      ? []
      : SERVERS.map((number) => ({ node: server(number), to: "default", via: "192.168.3.254" })),
    loopback: isDirect ? SERVERS.map((number) => ({ node: server(number), addresses: [`${VIP}/32`] })) : [],
    sysctls: [
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      ...SERVERS.flatMap((number) =>
        [
          ["net.ipv4.conf.all.arp_ignore", "1"],
          ["net.ipv4.conf.all.arp_announce", "2"],
          ["net.ipv4.conf.all.rp_filter", "0"],
          ["net.ipv4.conf.eth0.rp_filter", "0"],
        ].map(([name, value]) => ({ node: server(number), name: name!, value: value! })),
      ),
    ],
  };
}

/** Requests with these Call-IDs from another address, a port for each. */
const SEND = `import { createSocket } from "node:dgram";
const [from, to, ...ids] = process.argv.slice(1);
for (const id of ids) {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, from, resolve));
  const text = "INFO sip:a@" + to + " SIP/2.0\\r\\nVia: SIP/2.0/UDP " + from + "\\r\\ni: " + id + "\\r\\nCSeq: 9 INFO\\r\\n\\r\\n";
  await new Promise((resolve) => socket.send(text, 5060, to, resolve));
  socket.close();
}`;

class Scene {
  readonly #plan: NetworkPlan;
  readonly #folder = mkdtempSync(join(tmpdir(), "lvs-sip-"));
  readonly #servers: ChildProcess[] = [];

  constructor(isDirect: boolean) {
    this.#plan = planOf(ownPrefix("lvs-sip"), isDirect);
    buildNetwork(this.#plan);
    for (const number of SERVERS) {
      const address = isDirect ? VIP : rip(number);
      const argv = ["sipp", "-sn", "uas", "-i", address, "-bind_local", "-p", "5060", "-nostdin"] as const;
      const log = ["-trace_msg", "-message_file", this.#log(number)] as const;
      this.#servers.push(
        spawnInNamespace(namespaceOf(this.#plan, server(number)), [...argv, ...log], {
          stdio: "ignore",
          cwd: this.#folder,
        }),
      );
    }
  }

  #log(number: number): string {
    return join(this.#folder, `server${number}.log`);
  }

  /** Runs a program of the package at the director. */
  director(program: "ipvsadm" | "lvs", words: readonly string[], input = ""): string {
    const path = fileURLToPath(new URL(`../../bin/${program}`, import.meta.url));
    const { status, stdout, stderr } = inNetworkNamespace(namespaceOf(this.#plan, "director"), () =>
      spawnSync(process.execPath, [path, ...words], { encoding: "utf8", input }),
    );
    assert.equal(status, 0, `${program} ${words.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** So many calls from the client, by one port or (`-t un`) a port for each. Throws unless all are answered to the end. */
  async calls(count: number, transport: "u1" | "un"): Promise<void> {
    const client = namespaceOf(this.#plan, "client");
    const who = ["-sn", "uac", "-i", CLIENT, "-p", "6000", "-t", transport] as const;
    const how = ["-m", `${count}`, "-r", "60", "-d", "100", "-nostdin", "-max_socket", "1000"] as const;
    await capture(client, ["sipp", SERVICE, ...who, ...how, "-timeout", "20s", "-timeout_error"]);
  }

  async send(callIds: readonly string[]): Promise<void> {
    const words = ["--input-type=module", "-e", SEND, OTHER, VIP, ...callIds] as const;
    await capture(namespaceOf(this.#plan, "client"), [process.execPath, ...words]);
  }

  /** The messages of each server that are of a method: their Call-IDs. */
  received(method: string): string[][] {
    return SERVERS.map((number) => {
      const messages = readFileSync(this.#log(number), "latin1").split(/^-{20,}.*$/m);
      return messages
        .filter((text) => text.includes(`\n${method} sip:`))
        .map((text) => /^(?:Call-ID|i): *(\S+)/m.exec(text)?.[1] ?? "?");
    });
  }

  close(): void {
    for (const each of this.#servers) each.kill("SIGKILL");
    inNetworkNamespace(namespaceOf(this.#plan, "director"), () =>
      spawnSync(process.execPath, [fileURLToPath(new URL("../../bin/lvs", import.meta.url)), "unload"]),
    );
    removeNetwork(this.#plan.prefix);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const root = process.getuid?.() === 0;
const skip = root
  ? isInstalled("sipp")
    ? false
    : "needs sipp (sip-tester)"
  : "needs root: makes network namespaces";

describe("SIP calls through persistence by Call-ID", { skip, timeout: 120_000 }, () => {
  for (const [name, method, isOnePacket] of [
    ["NAT, -o", "-m", true],
    ["NAT", "-m", false],
    ["direct routing, -o", "-g", true],
  ] as const) {
    test(name, async () => {
      const isDirect = method === "-g";
      const scene = new Scene(isDirect);
      try {
        const rules = [
          `-A -u ${SERVICE} -s rr -p 60 -M 255.255.255.255${isOnePacket ? " -o" : ""} --pe sip`,
          ...SERVERS.map((number) => `-a -u ${SERVICE} -r ${rip(number)}:5060 ${method}`),
        ];
        scene.director("ipvsadm", ["-R"], `${rules.join("\n")}\n`);
        await scene.calls(CALLS, isOnePacket ? "u1" : "un");

        const invited = scene.received("INVITE").map((ids) => new Set(ids));
        assert.deepEqual(
          invited.map(({ size }) => size),
          [CALLS / 3, CALLS / 3, CALLS / 3],
          "calls are spread evenly",
        );
        assert.equal(new Set(invited.flatMap((ids) => [...ids])).size, CALLS);
        for (const [i, ids] of scene.received("ACK").entries()) assert.deepEqual(new Set(ids), invited[i]);
        for (const [i, ids] of scene.received("BYE").entries()) assert.deepEqual(new Set(ids), invited[i]);

        // From elsewhere, and in the compact form.
        await scene.send(invited.flatMap((ids) => [...ids]));
        for (let i = 0; i < 30 && scene.received("INFO").flat().length < CALLS; i++) await sleep(100);
        for (const [i, ids] of scene.received("INFO").entries()) assert.deepEqual(new Set(ids), invited[i]);

        const listing = scene.director("ipvsadm", ["-Lnc", "--persistent-conn"]);
        for (const [i, ids] of invited.entries()) {
          for (const id of ids) {
            const server = `${rip(i + 1)}:5060`.padEnd(16).replaceAll(".", "\\.");
            const line = `^UDP \\d\\d:\\d\\d +\\w+ +${CLIENT}:0 +${SERVICE} +${server} +sip +${id}$`;
            assert.match(listing, new RegExp(line, "m"));
          }
        }
        const entries = JSON.parse(scene.director("lvs", ["connections", "--json"])) as {
          engine?: unknown;
        }[];
        const list = Array.isArray(entries)
          ? entries
          : (entries as { connections: typeof entries }).connections;
        assert.equal(list.filter(({ engine }) => engine !== null).length, CALLS);

        if (isDirect) return;
        const stats = scene.director("ipvsadm", ["-Ln", "--stats", "--exact", "-u", SERVICE]);
        const sums = /^UDP +\S+ +(\d+) +(\d+) +(\d+) +(\d+)/m.exec(stats);
        assert.ok(Number(sums?.[3]) > 0, `answers pass the director with the service's address: ${stats}`);
      } finally {
        scene.close();
      }
    });
  }
});
