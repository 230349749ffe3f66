/** Plain `ipvsadm -A -t VIP:21` with masqueraded servers: a real FTP server and real clients, in every mode that they know. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace } from "../src/linux/index.ts";
import {
  type FtpClientSettings,
  type FtpServer,
  ftpGet,
  ftpList,
  ftpPut,
  startFtpServer,
} from "./ftp/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, plugged, removeNetwork } from "./network.ts";

const root = process.getuid?.() === 0;
const prefix = ownPrefix("lvs-test-ftp");
const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));

const SERVERS = [
  { node: "server1", address: "192.168.1.10", wide: "fd0a::10" },
  { node: "server2", address: "192.168.1.20", wide: "fd0a::20" },
] as const;

/** The client's side is much like the servers', so that no end can reach the other by itself. */
const PLAN: NetworkPlan = {
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["1.1.1.1/24", "fd01::1/64"] },
      {
        node: "director",
        device: "outside",
        addresses: ["1.1.1.254/24", "1.1.1.100/32", "fd01::fe/64", "fd01::100/128"],
      },
    ],
    plugged("switch", "director", ["192.168.1.254/24", "fd0a::fe/64"], "inside"),
    ...SERVERS.map(({ node, address, wide }) => plugged("switch", node, [`${address}/24`, `${wide}/64`])),
  ],
  switches: ["switch"],
  routes: SERVERS.flatMap(({ node }) => [
    { node, to: "default", via: "192.168.1.254" },
    { node, to: "default", via: "fd0a::fe" },
  ]),
  sysctls: [
    { node: "director", name: "net.ipv4.ip_forward", value: "1" },
    { node: "director", name: "net.ipv6.conf.all.forwarding", value: "1" },
  ],
};

/** 3 MB that repeat nowhere near. */
const CONTENT = Uint8Array.from({ length: 3_000_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);

function director(command: "ipvsadm" | "lvs", words: readonly string[], input = ""): string {
  const { status, stderr, stdout } = inNetworkNamespace(namespaceOf(PLAN, "director"), () =>
    spawnSync(process.execPath, [program(command), ...words], { encoding: "utf8", input }),
  );
  assert.equal(`${status} ${stderr}`, "0 ", words.join(" "));
  return stdout;
}

const IPV4 = "1.1.1.100";
const IPV6 = "fd01::100";

/** How each client can make its data connections. */
const WAYS = (["curl", "lftp", "ftp"] as const).flatMap((client) =>
  (["passive", "active"] as const).flatMap((mode) => {
    const namespace = namespaceOf(PLAN, "client");
    const wide: FtpClientSettings = { namespace, client, mode, host: IPV6, extended: true };
    const plain: FtpClientSettings = { namespace, client, mode, host: IPV4, extended: false };
    const extended: FtpClientSettings = { ...plain, extended: true };
    return mode === "passive" || client === "curl" ? [plain, extended, wide] : [plain, wide];
  }),
);

describe("FTP through masquerading", { skip: !root && "network namespaces need root" }, () => {
  const servers: FtpServer[] = [];

  before(async () => {
    if (!root) return;
    buildNetwork(PLAN);
    const rules = [
      ...[`-A -t ${IPV4}:21 -s rr`, `-A -t [${IPV6}]:21 -s rr`],
      ...SERVERS.flatMap(({ address, wide }) => [
        `-a -t ${IPV4}:21 -r ${address}:21 -m`,
        `-a -t [${IPV6}]:21 -r [${wide}]:21 -m`,
      ]),
    ];
    director("ipvsadm", ["-R"], `${rules.join("\n")}\n`);
    for (const { node } of SERVERS) {
      const namespace = namespaceOf(PLAN, node);
      servers.push(await startFtpServer({ namespace, files: { "some.bin": CONTENT } }));
    }
  });

  after(async () => {
    if (!root) return;
    for (const server of servers) await server.stop();
    director("lvs", ["unload"]);
    removeNetwork(prefix);
  });

  for (const way of WAYS) {
    const name = `${way.client}, ${way.mode}${way.extended ? ", extended" : ""}, ${way.host}`;
    test(name, async () => {
      assert.match(await ftpList(way), /^some\.bin\r?$/m);
      assert.ok(Buffer.from(CONTENT).equals(await ftpGet(way, "some.bin")), "get");
      const file = name.replace(/[^a-z0-9]+/g, "-");
      await ftpPut(way, `upload/${file}`, CONTENT);
      const there = servers.flatMap(({ uploads }) => {
        try {
          return [readFileSync(join(uploads, file))];
        } catch {
          return [];
        }
      });
      assert.equal(there.length, 1, "put");
      assert.ok(Buffer.from(CONTENT).equals(there[0]!), "put");
    });
  }

  test("data connections are listed, and counted as traffic of their server", () => {
    const listing = director("ipvsadm", ["-Lnc"]);
    assert.match(listing, /^TCP \d\d:\d\d +\S+ +1\.1\.1\.1:\d+ +1\.1\.1\.100:20 +192\.168\.1\.[12]0:20$/m);
    const total = director("ipvsadm", ["-Ln", "--stats", "--exact"]).match(
      /^TCP +1\.1\.1\.100:21 +(\d+) +\d+ +\d+ +(\d+) +(\d+)/m,
    );
    assert.ok(total !== null);
    const ways = WAYS.filter(({ host }) => host === IPV4).length;
    assert.equal(Number(total[1]), 3 * ways, "connections: those of control");
    for (const bytes of [total[2], total[3]]) assert.ok(Number(bytes) > CONTENT.length * ways);
  });
});
