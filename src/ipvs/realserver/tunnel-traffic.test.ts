/** Tunnels with real connections in them: a client that puts its packets into tunnels itself, and a server that takes them out. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compile } from "../../bpf/compiler/index.ts";
import { attachClsact, attachTcx, feature, loadProgram } from "../../bpf/loader/index.ts";
import { GRE, GUE, IP_IN_IP } from "../../kernel/decapsulate/testing/encapsulate.ts";
import {
  addAddress,
  addRoute,
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  openStateDirectory,
  type StateDirectory,
  setLink,
  setNeighbour,
  spawnInNamespace,
  umount,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { parsePrefix } from "../../net/index.ts";
import { TUNNEL_TYPES } from "./model.ts";
import { TunnelEnd } from "./tunnel-end.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf, network namespaces)";
const CLIENT = `bpf-tun-c-${process.pid}`;
const SERVER = `bpf-tun-s-${process.pid}`;
const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const VIRTUAL = { 4: "192.0.2.1", 6: "2001:db8:f::1" } as const;
const ADDRESSES = {
  4: ["198.18.0.10/24", "198.18.0.1/24", "192.0.2.1/32"],
  6: ["2001:db8:1::10/64", "2001:db8:1::1/64", "2001:db8:f::1/128"],
} as const;
const GUE_PORT = 6080;
/** Enough for super-packets. */
const BYTES = 4_000_000;

/** Sends back the number of bytes that came, over TCP; over UDP the datagram itself. */
const SERVER_SCRIPT = `
  const net = require("node:net"), dgram = require("node:dgram");
  let open = 0;
  const ready = () => { if (++open === 4) console.log("ready"); };
  for (const host of ["${VIRTUAL[4]}", "${VIRTUAL[6]}"]) {
    net.createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0;
      socket.on("data", (data) => { bytes += data.length; });
      socket.on("end", () => socket.end(String(bytes)));
      socket.on("error", () => {});
    }).listen(80, host, ready);
    const udp = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
    udp.on("message", (message, from) => udp.send(message, from.port, from.address));
    udp.bind(80, host, ready);
  }`;

const CLIENT_SCRIPT = `
  const net = require("node:net"), dgram = require("node:dgram");
  const host = process.argv[1];
  setTimeout(() => { console.log("nothing came back"); process.exit(1); }, 20000);
  const udp = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  udp.on("message", (message) => {
    if (message.length !== 1200) { console.log("datagram of " + message.length); process.exit(1); }
    const socket = net.connect(80, host, () => socket.end(Buffer.alloc(${BYTES}, 7)));
    let answer = "";
    socket.on("data", (data) => { answer += data; });
    socket.on("end", () => { console.log(answer); process.exit(0); });
  });
  udp.send(Buffer.alloc(1200), 80, host);`;

/** Devices of the kernel that send to the server, by what they are to add to an IPv4 packet. */
const DEVICES: Readonly<Record<string, string>> = {
  ipip: "type ipip",
  gre: "type gre",
  "gre with checksum, key and sequence numbers": "type gre csum key 7 seq",
  gue: `type ipip encap gue encap-sport auto encap-dport ${GUE_PORT} noencap-csum`,
  "gue with checksum": `type ipip encap gue encap-sport auto encap-dport ${GUE_PORT} encap-csum`,
  "gue with remote checksum": `type ipip encap gue encap-sport auto encap-dport ${GUE_PORT} encap-csum encap-remcsum`,
  "gue with remote checksum alone": `type ipip encap gue encap-sport auto encap-dport ${GUE_PORT} noencap-csum encap-remcsum`,
};
const hasDevices = skip === false && spawnSync("modprobe", ["-qa", "ipip", "ip_gre", "fou"]).status === 0;

let server: ReturnType<typeof spawnInNamespace> | undefined;
let place = "";
let root: StateDirectory;
let end: TunnelEnd;
const all = { types: TUNNEL_TYPES, guePort: GUE_PORT };
const inServer = <T>(work: () => T): T => inNetworkNamespace(SERVER, work);

/** How many packets to an address came in tunnels. */
const tunnelled = (address: string): number => inServer(() => end.packets().get(address) ?? 0);

function setUp(): void {
  createNetworkNamespace(CLIENT);
  createNetworkNamespace(SERVER);
  withRouteSocket((route) => {
    createVeth(
      route,
      { name: "c0", mac: CLIENT_MAC, namespace: CLIENT },
      { name: "s0", mac: SERVER_MAC, mtu: 2000, namespace: SERVER },
    );
  });
  for (const [namespace, link, at, peer, mac] of [
    [CLIENT, "c0", 0, 1, SERVER_MAC],
    [SERVER, "s0", 1, 0, CLIENT_MAC],
  ] as const) {
    inNetworkNamespace(namespace, () =>
      withRouteSocket((route) => {
        setLink(route, "lo", { up: true });
        setLink(route, link, { up: true });
        for (const version of [4, 6] as const) {
          const own = ADDRESSES[version];
          addAddress(route, link, parsePrefix(own[at])!);
          const next = parsePrefix(own[peer])!.address;
          setNeighbour(route, link, next, mac);
          if (namespace === SERVER) addAddress(route, "lo", parsePrefix(own[2])!);
          else addRoute(route, { to: parsePrefix(own[2])!, via: next });
        }
        if (namespace === SERVER)
          for (const which of ["all", "s0"]) writeSysctl(`net.ipv4.conf.${which}.rp_filter`, 0);
      }),
    );
  }
}

async function encapsulate(kind: number, outer: number): Promise<() => void> {
  const compiled = await compile({
    entry: {
      module: new URL("../../kernel/decapsulate/testing/encapsulate.js", import.meta.url).href,
      name: "encapsulate",
    },
    options: { kind, outer, port: GUE_PORT },
    name: "encapsulate",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  return inNetworkNamespace(CLIENT, () => {
    const program = loadProgram(compiled, new Map());
    const index = withRouteSocket((route) => linkIndex(route, "c0"));
    const at = { direction: "egress" } as const;
    const attachment = feature("tcxLinks").available
      ? attachTcx(program, index, at)
      : attachClsact(program, index, at);
    return () => {
      inNetworkNamespace(CLIENT, () => attachment.detach());
      program.close();
    };
  });
}

async function runClient(host: string): Promise<string> {
  const child = spawnInNamespace(CLIENT, [process.execPath, "-e", CLIENT_SCRIPT, host], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout!.on("data", (data: Buffer) => {
    output += data;
  });
  await once(child, "close");
  return output.trim();
}

before(async () => {
  if (skip) return;
  setUp();
  server = spawnInNamespace(SERVER, [process.execPath, "-e", SERVER_SCRIPT], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout!, "data");
  place = mkdtempSync(join(tmpdir(), "lvs-tunnels-"));
  root = openStateDirectory(join(place, "state"));
  end = new TunnelEnd(`${root.path}/realserver-1`, join(place, "cache"), () => new Map());
  inServer(() => {
    end.attach("s0");
    for (const address of Object.values(VIRTUAL)) end.set(address, all);
  });
});

after(() => {
  if (skip) return;
  server?.kill("SIGKILL");
  deleteNetworkNamespace(CLIENT);
  deleteNetworkNamespace(SERVER);
  root.close();
  umount(join(place, "state/bpf"));
  rmSync(place, { recursive: true });
});

describe("connections through tunnels", { skip }, () => {
  for (const [name, kind] of [
    ["IP in IP", IP_IN_IP],
    ["GRE", GRE],
    ["GUE", GUE],
  ] as const) {
    for (const outer of [4, 6] as const) {
      for (const inner of [4, 6] as const) {
        it(`${name}: IPv${inner} in IPv${outer}`, async () => {
          const address = VIRTUAL[inner];
          const before = tunnelled(address);
          const stop = await encapsulate(kind, outer);
          try {
            assert.equal(await runClient(address), String(BYTES));
          } finally {
            stop();
          }
          const packets = tunnelled(address) - before;
          assert.ok(packets > 10, `${packets} packets came in tunnels`);
          assert.ok(packets < BYTES / 1400, `${packets} packets: super-packets came in parts`);
        });
      }
    }
  }

  for (const [name, device] of Object.entries(DEVICES)) {
    const skipDevice = hasDevices ? false : "this kernel has no tunnel devices";
    it(`the kernel's ${name}`, { skip: skipDevice }, async () => {
      const before = tunnelled(VIRTUAL[4]);
      const run = (command: string): void => {
        const done = inNetworkNamespace(CLIENT, () => spawnSync("sh", ["-c", command], { encoding: "utf8" }));
        assert.equal(done.status, 0, `${command}: ${done.stderr}`);
      };
      run(`ip link add t0 ${device} local 198.18.0.10 remote 198.18.0.1`);
      try {
        run("ip link set t0 up && ip route replace 192.0.2.1/32 dev t0 src 198.18.0.10");
        assert.equal(await runClient(VIRTUAL[4]), String(BYTES));
      } finally {
        run("ip link del t0 && ip route replace 192.0.2.1/32 via 198.18.0.1");
      }
      const packets = tunnelled(VIRTUAL[4]) - before;
      assert.ok(packets > 10, `${packets} packets came in tunnels`);
    });
  }

  it("what comes without a tunnel is not taken out", async () => {
    const before = tunnelled(VIRTUAL[4]);
    assert.equal(await runClient(VIRTUAL[4]), String(BYTES));
    assert.equal(tunnelled(VIRTUAL[4]), before);
  });
});
