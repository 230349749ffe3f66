/** Real servers under FullNAT are told real clients' addresses. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace, openPacketSocket, spawnInNamespace } from "../src/linux/index.ts";
import { parseIpPacket } from "../src/net/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, removeNetwork } from "./network.ts";
import { capture, untilReady } from "./process.ts";

const root = process.getuid?.() === 0;
const skip = !root && "network namespaces need root";
const prefix = ownPrefix("lvs-told");
const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));
const script = (name: string) => fileURLToPath(new URL(`./client-address/${name}.js`, import.meta.url));

const PLAN: NetworkPlan = {
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["198.18.0.1/24", "fd01::1/64"] },
      {
        node: "director",
        device: "outside",
        addresses: ["198.18.0.254/24", "198.18.0.10/32", "fd01::fe/64", "fd01::10/128"],
      },
    ],
    [
      { node: "director", device: "inside", addresses: ["10.0.0.254/24", "fd0a::fe/64"] },
      { node: "server", device: "eth0", addresses: ["10.0.0.1/24", "fd0a::1/64"] },
    ],
  ],
  sysctls: [
    { node: "director", name: "net.ipv4.ip_forward", value: "1" },
    { node: "director", name: "net.ipv6.conf.all.forwarding", value: "1" },
  ],
};

const FAMILIES = [
  { name: "IPv4", virtual: "198.18.0.10", server: "10.0.0.1", toa: /^fe08....c6120001$/ },
  {
    name: "IPv6",
    virtual: "fd01::10",
    server: "fd0a::1",
    toa: /^fe14....fd010000000000000000000000000001$/,
  },
] as const;

const endpoint = (address: string, port: number) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

function director(command: "ipvsadm" | "lvs", words: readonly string[], input = ""): void {
  const { status, stderr } = inNetworkNamespace(namespaceOf(PLAN, "director"), () =>
    spawnSync(process.execPath, [program(command), ...words], { encoding: "utf8", input }),
  );
  assert.equal(`${status} ${stderr}`, "0 ", words.join(" "));
}

describe("the client's address for FullNAT servers", { skip }, () => {
  before(async () => {
    if (!root) return;
    buildNetwork(PLAN);
    const rules = FAMILIES.flatMap(({ virtual, server }) =>
      [
        `-t ${endpoint(virtual, 80)} -s rr --proxy-protocol v2`,
        `-u ${endpoint(virtual, 80)} -s rr --proxy-protocol v2`,
        `-t ${endpoint(virtual, 81)} -s rr --toa`,
      ].flatMap((service) => {
        const [protocol, address] = service.split(" ");
        return [`-A ${service}`, `-a ${protocol} ${address} -r ${endpoint(server, 8080)} --fullnat`];
      }),
    );
    director("ipvsadm", ["-R"], `${rules.join("\n")}\n`);
    await untilReady(
      spawnInNamespace(namespaceOf(PLAN, "server"), [process.execPath, script("server-process")]),
    );
  });

  after(() => {
    if (!root) return;
    inNetworkNamespace(namespaceOf(PLAN, "director"), () =>
      spawnSync(process.execPath, [program("lvs"), "unload"]),
    );
    removeNetwork(prefix);
  });

  for (const { name, virtual, toa } of FAMILIES) {
    test(`PROXY headers, ${name}`, async () => {
      const argv = [process.execPath, script("client-process"), virtual, "80"] as const;
      assert.equal(await capture(namespaceOf(PLAN, "client"), argv), "done\n");
    });

    test(`TOA, ${name}`, async () => {
      const wire = openPacketSocket("eth0", namespaceOf(PLAN, "server"));
      const code = `require("net").connect(81, "${virtual}").on("connect", function () { this.destroy(); })`;
      await capture(namespaceOf(PLAN, "client"), [process.execPath, "-e", code]);
      await sleep(100);
      const told = wire
        .receiveAll(100)
        .filter(({ outgoing }) => !outgoing)
        .map(({ bytes }) => parseTcpOf(bytes))
        .filter((segment) => segment !== undefined)
        .map(({ options }) => Buffer.from(options).toString("hex"));
      wire.close();
      assert.match(told[0]!.slice(0, name === "IPv4" ? 16 : 40), toa, "the SYN");
      assert.match(told[1]!.slice(0, name === "IPv4" ? 16 : 40), toa, "what ends the handshake");
    });
  }
});

function parseTcpOf(frame: Uint8Array) {
  const type = (frame[12]! << 8) | frame[13]!;
  if (type !== 0x0800 && type !== 0x86dd) return undefined;
  const { transport } = parseIpPacket(frame.subarray(14));
  return transport.kind === "tcp" ? transport : undefined;
}
