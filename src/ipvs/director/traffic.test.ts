import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  addAddress,
  addRoute,
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  MNT_DETACH,
  setLink,
  spawnInNamespace,
  umount,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { ip, parsePrefix } from "../../net/index.ts";
import type { Destination, ServiceKey } from "../model.ts";
import { plainServer, plainService } from "../testing/plain.ts";
import { type KernelAdministration, openAdministration } from "./kernel-administration.ts";
import { directorStatus, unload } from "./status.ts";

const skip = process.getuid?.() === 0 ? false : "namespaces and a director in the kernel need root";
const folder = skip === false ? mkdtempSync(join(tmpdir(), "lvs-traffic-")) : "";
const options = {
  stateDirectory: join(folder, "run"),
  cacheDirectory: join(folder, "cache"),
  connections: 1024,
};
const prefix = `planetest-${process.pid}-`;
const [client, director, server] = ["client", "director", "server"].map((name) => `${prefix}${name}`) as [
  string,
  string,
  string,
];
const VIP = "172.16.1.200";
const KEY: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: VIP, port: 80 };

function rip(last: number, settings: Partial<Destination> = {}): Destination {
  return plainServer(`192.168.1.${last}`, settings);
}

/** Two servers in one namespace: each connection is told the server's address, then gets back what it says. */
const SERVER = `
  import { createServer } from "node:net";
  let left = 3;
  const listening = () => { if (--left === 0) console.log("ready"); };
  for (const [address, port] of [["192.168.1.1", 80], ["192.168.1.2", 80], ["192.168.1.2", 8080]]) {
    createServer((socket) => {
      socket.write(address + ":" + port + "\\n");
      socket.on("error", () => {});
      socket.pipe(socket);
    }).listen(port, address, listening);
  }`;

/** Takes lines "open N" and "say N TEXT", and says "N TEXT" for each line that connection N hears. */
const CLIENT = `
  import { connect } from "node:net";
  import { createInterface } from "node:readline";
  const sockets = new Map();
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [command, n, text] = line.split(" ");
    if (command === "open") {
      const socket = connect(80, "${VIP}");
      sockets.set(n, socket);
      socket.on("error", (error) => console.log(n + " " + error.code));
      createInterface({ input: socket }).on("error", () => {}).on("line", (heard) => console.log(n + " " + heard));
    } else sockets.get(n).write(text + "\\n");
  });
  console.log("ready");`;

function configureNetwork(): void {
  for (const name of [client, director, server]) createNetworkNamespace(name);
  withRouteSocket((socket) => {
    createVeth(
      socket,
      { name: "eth0", namespace: client, up: true },
      { name: "outside", namespace: director, up: true },
    );
    createVeth(
      socket,
      { name: "eth0", namespace: server, up: true },
      { name: "inside", namespace: director, up: true },
    );
  });
  const give = (namespace: string, link: string, ...addresses: string[]) =>
    withRouteSocket((socket) => {
      setLink(socket, "lo", { up: true });
      for (const each of addresses) addAddress(socket, link, parsePrefix(each)!);
    }, namespace);
  give(client, "eth0", "172.16.1.1/24");
  give(director, "outside", `${VIP}/24`);
  give(director, "inside", "192.168.1.254/24");
  give(server, "eth0", "192.168.1.1/24", "192.168.1.2/24");
  withRouteSocket((socket) => addRoute(socket, { via: ip("192.168.1.254") }), server);
  inNetworkNamespace(director, () => writeSysctl("net.ipv4.ip_forward", 1));
}

/** A process whose lines can be waited for. */
class Talker {
  readonly #child: ChildProcess;
  readonly #heard: string[] = [];
  #wake: () => void = () => {};

  constructor(namespace: string, script: string) {
    this.#child = spawnInNamespace(namespace, [process.execPath, "--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let rest = "";
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop()!;
      this.#heard.push(...lines);
      this.#wake();
    });
  }

  say(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** The next line that begins so, without that. Null if none comes for so long, ms. */
  async hear(start: string, patience = 5000): Promise<string | null> {
    const deadline = Date.now() + patience;
    for (;;) {
      const index = this.#heard.findIndex((line) => line.startsWith(start));
      if (index >= 0) return this.#heard.splice(index, 1)[0]!.slice(start.length);
      const left = deadline - Date.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

function tell(work: (administration: KernelAdministration) => void): void {
  inNetworkNamespace(director, () => {
    const administration = openAdministration(options);
    try {
      work(administration);
    } finally {
      administration.close();
    }
  });
}

function ask<T>(question: (administration: KernelAdministration) => T): T {
  let answer!: T;
  tell((administration) => {
    answer = question(administration);
  });
  return answer;
}

describe("traffic through a director in the kernel", { skip }, () => {
  let servers: Talker;
  let clients: Talker;

  before(async () => {
    mkdirSync(folder, { recursive: true });
    configureNetwork();
    servers = new Talker(server, SERVER);
    clients = new Talker(client, CLIENT);
    assert.equal(await servers.hear("ready"), "");
    assert.equal(await clients.hear("ready"), "");
  });

  after(() => {
    servers.end();
    clients.end();
    inNetworkNamespace(director, () => unload(options));
    for (const name of [client, director, server]) deleteNetworkNamespace(name);
    umount(join(options.stateDirectory, "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  test("connections live on while everything around them is changed", { timeout: 300_000 }, async () => {
    tell((administration) => {
      administration.addService(plainService(KEY, { scheduler: "rr" }));
      administration.addDestination(KEY, rip(1));
    });
    clients.say("open a");
    assert.equal(await clients.hear("a "), "192.168.1.1:80");
    const programBefore = inNetworkNamespace(director, () => directorStatus(options).program?.id);
    const still = async (word: string) => {
      clients.say(`say a ${word}`);
      assert.equal(await clients.hear("a "), word);
    };
    await still("first");

    // A server on another port: another program, in place of the first.
    tell((administration) => administration.addDestination(KEY, rip(2, { port: 8080 })));
    assert.notEqual(
      inNetworkNamespace(director, () => directorStatus(options).program?.id),
      programBefore,
    );
    await still("swapped");
    clients.say("open b");
    assert.equal(await clients.hear("b "), "192.168.1.2:8080");

    tell((administration) => {
      administration.editDestination(KEY, rip(1, { weight: 0 }));
      administration.editService(plainService(KEY, { scheduler: "wlc" }));
      administration.zero();
    });
    await still("quiesced");
    clients.say("open c");
    assert.equal(await clients.hear("c "), "192.168.1.2:8080");

    // A removed server's connections are dropped, and go on when it comes back.
    tell((administration) => administration.deleteDestination(KEY, rip(1)));
    clients.say("say a silence");
    assert.equal(await clients.hear("a ", 500), null);
    tell((administration) => administration.addDestination(KEY, rip(1)));
    assert.equal(await clients.hear("a "), "silence");

    const status = ask((administration) => administration.service(KEY))!;
    const counted = status.destinations.map(({ destination, active, inactive }) => [
      destination.address,
      active,
      inactive,
    ]);
    assert.deepEqual(counted, [
      ["192.168.1.1", 1, 0],
      ["192.168.1.2", 2, 0],
    ]);
    const listed = ask((administration) => [...administration.connections()]);
    assert.deepEqual(
      listed.map((each) => `${each.state} ${each.destination.address}:${each.destination.port}`).sort(),
      ["ESTABLISHED 192.168.1.1:80", "ESTABLISHED 192.168.1.2:8080", "ESTABLISHED 192.168.1.2:8080"],
    );
    assert.ok(listed.every((each) => each.expires > 880 && each.expires <= 900));
    assert.ok(status.statistics.inPackets > 0n && status.statistics.outBytes > 0n);
    await still("last");
  });

  test("the datapath grows under a connection, to all there is and back", { timeout: 300_000 }, async () => {
    const still = async (word: string) => {
      clients.say(`say a ${word}`);
      assert.equal(await clients.hear("a "), word);
    };
    const add = (key: ServiceKey, scheduler: string, ...servers: Destination[]) =>
      tell((administration) => {
        administration.addService(plainService(key, { scheduler }));
        for (const each of servers) administration.addDestination(key, each);
      });
    const other = (last: number): ServiceKey => ({ ...KEY, port: 1000 + last });
    const wide: ServiceKey = { ...KEY, family: 6, address: "2001:db8::1" };
    const steps: { [word: string]: () => void } = {
      route: () => add(other(1), "rr", rip(1, { method: "route", port: 1001 })),
      tunnel: () =>
        add(
          other(2),
          "wrr",
          rip(1, { method: "tunnel", tunnel: { type: "gre", port: 0, checksum: "full" }, port: 1002 }),
        ),
      table: () => add(other(3), "mh", rip(1), rip(2)),
      fullnat: () => {
        add(other(4), "sh", rip(2, { method: "fullnat" }));
        tell((administration) => administration.addLocalAddress(other(4), "192.168.1.253"));
      },
      own: () => add(other(5), "lc", { ...rip(1), address: "192.168.1.254" }),
      wide: () => add(wide, "wlc", { ...rip(1), family: 6, address: "2001:db8::11" }),
      mark: () => add({ kind: "mark", family: 6, mark: 9 }, "lblc"),
      sysctl: () => tell((administration) => administration.setSysctl("conn_reuse_mode", "0")),
      fewer: () =>
        tell((administration) => {
          for (const key of [1, 2, 3, 4, 5].map(other)) administration.deleteService(key);
          administration.deleteService(wide);
        }),
    };
    for (const [word, step] of Object.entries(steps)) {
      step();
      await still(word);
    }
    clients.say("open d");
    assert.match((await clients.hear("d ")) ?? "", /^192\.168\.1\./);
  });

  test("a connection that is ended is nobody's", async () => {
    const ended = ask((administration) =>
      administration.endConnections(({ destination }) => destination.address === "192.168.1.1"),
    );
    assert.ok(ended >= 1);
    clients.say("say a gone");
    assert.equal(await clients.hear("a "), "ECONNRESET");
    clients.say("say b there");
    assert.equal(await clients.hear("b "), "there");
  });
});
