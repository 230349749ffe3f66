/**
 * Every forwarding method carries real programs, over IPv4, IPv6 and, in tunnels, either over the other. LVS_LAB_CASES
 * names those to try (how their names begin, separated by semicolons; default: all); LVS_LAB_BYTES says how long long transfers are.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CASES, type Case, PORT, rulesOf } from "./cluster/cases.ts";
import { Cluster } from "./cluster/cluster.ts";
import { CLIENT_HOST, lanAddress, serverName } from "./cluster/plan.ts";
import { curlDownload, curlUpload, iperf } from "./cluster/programs.ts";
import { openTunnelEnds } from "./cluster/tunnel-ends.ts";
import { ownPrefix } from "./network.ts";
import { isInstalled } from "./process.ts";

const LONG_BYTES = Number(process.env.LVS_LAB_BYTES || 20_000_000);
const SOME_BYTES = Math.min(LONG_BYTES, 1_000_000);
/** What iperf3 is to get through in a second at least: bytes, and datagrams. An emulated machine gets little through. */
const LEAST_RATE = SOME_BYTES;
const LEAST_DATAGRAMS = LONG_BYTES < 1_000_000 ? 20 : 100;
const wanted = process.env.LVS_LAB_CASES?.split(";");
const cases = CASES.filter(({ name }) => wanted?.some((part) => name.startsWith(part)) ?? true);
const skip = process.getuid?.() === 0 ? false : "needs root: makes network namespaces";

describe("forwarding methods under real programs", { skip, timeout: 900_000 }, () => {
  let cluster: Cluster;
  let closeTunnelEnds = () => {};

  before(async () => {
    cluster = await Cluster.start({ prefix: ownPrefix("lvs-forward"), virtualAddresses: CASES.length });
    if (cases.some(({ method }) => method.startsWith("-i"))) {
      closeTunnelEnds = openTunnelEnds(
        (name) => cluster.node(name),
        cases.map(({ virtual }) => virtual),
      );
    }
    cluster.director("ipvsadm", ["-R"], cases.map(rulesOf).join(""));
  });

  after(() => {
    closeTunnelEnds();
    cluster?.stop();
  });

  for (const each of cases) describe(each.name, () => checks(each, () => cluster));
});

function checks(each: Case, running: () => Cluster): void {
  const { virtual, kind, thorough } = each;
  const both = [1, 2].map((number) => serverName(kind, number));

  test("requests go to both servers", async () => {
    const names = await running().client("names", virtual, 4);
    assert.deepEqual([...new Set(names)].sort(), both);
  });

  test("answers over one connection, and an upload", async () => {
    await running().client("keepAlive", virtual, 3, SOME_BYTES);
    await running().client("upload", virtual, SOME_BYTES);
  });

  test("datagrams, and large ones in fragments", async () => {
    await running().client("echo", virtual, 64, 4);
    await running().client("echo", virtual, 1400, 2);
    await running().client("echo", virtual, 8000, 3);
  });

  test("names are resolved, each packet by itself", async () => {
    const answers = await running().client("resolve", virtual, 3);
    assert.deepEqual(new Set(answers.map((answer) => answer.split(" ")[0])), new Set(["192.0.2.53"]));
  });

  test("an SCTP echo", async () => {
    for (let n = 0; n < 3; n++) {
      await running().client("sctpEcho", lanAddress(each.family, CLIENT_HOST), virtual, 700, 3);
    }
  });

  test("a client hears that nobody listens", async () => {
    assert.equal(await running().client("knock", virtual, PORT.nobody), "ECONNREFUSED");
  });

  if (!thorough) return;

  test("curl downloads and uploads", { skip: isInstalled("curl") ? false : "needs curl" }, async () => {
    await curlDownload(running(), virtual, LONG_BYTES);
    await curlUpload(running(), virtual, LONG_BYTES);
  });

  test("iperf3", { skip: isInstalled("iperf3") ? false : "needs iperf3" }, async () => {
    const direct = kind === "direct";
    const options = {
      server: running().node(serverName(kind, 1)),
      listen: direct ? virtual : each.server(1),
      address: virtual,
      seconds: 1,
    };
    const tcp = await iperf(running(), { ...options, udp: false });
    assert.ok(tcp.bytes > LEAST_RATE, `${tcp.bytes} bytes in a second`);
    const udp = await iperf(running(), { ...options, udp: true });
    assert.ok(
      udp.datagrams > LEAST_DATAGRAMS && udp.lost < udp.datagrams / 10,
      `${udp.lost} of ${udp.datagrams} lost`,
    );
  });
}
