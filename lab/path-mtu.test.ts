/**
 * A way to the servers that takes smaller packets than the client's: transfers go on, as the director says how large packets
 * may be (RFC 1191, RFC 8201), and datagrams that may be cut arrive whole, whatever the director's netfilter thinks of it.
 */
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { findSystemProgram, inNetworkNamespace } from "../src/linux/index.ts";
import { CASES, rulesOf } from "./cluster/cases.ts";
import { Cluster } from "./cluster/cluster.ts";
import { openTunnelEnds } from "./cluster/tunnel-ends.ts";
import { ownPrefix } from "./network.ts";

const WIRE_MTU = 1400;
const BYTES = 300_000;
/** Those whose packets do not go over the wire. */
const LEFT_OUT = /^dr on the segment/;
const wanted = process.env.LVS_LAB_CASES?.split(";");
const cases = CASES.filter(({ name }) => !LEFT_OUT.test(name)).filter(
  ({ name }) => wanted?.some((part) => name.startsWith(part)) ?? true,
);
/**
 * Has the director's own netfilter follow connections, hold fragments back until all are there, and rewrite the source of what it
 * sends on: whatever of a connection goes through it is lost, or changed.
 */
function watchBySystem(director: string): void {
  const iptables = findSystemProgram("iptables");
  if (iptables === null) return;
  for (const rule of [
    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "-t nat -A POSTROUTING -j MASQUERADE",
  ]) {
    inNetworkNamespace(director, () => execFileSync(iptables, ["-w", ...rule.split(" ")]));
  }
}

const skip = process.getuid?.() === 0 ? false : "needs root: makes network namespaces";

describe("a smaller MTU behind the director", { skip, timeout: 600_000 }, () => {
  let cluster: Cluster;
  let closeTunnelEnds = () => {};

  before(async () => {
    cluster = await Cluster.start({
      prefix: ownPrefix("lvs-mtu"),
      virtualAddresses: CASES.length,
      wireMtu: WIRE_MTU,
    });
    if (cases.some(({ method }) => method.startsWith("-i"))) {
      closeTunnelEnds = openTunnelEnds(
        (name) => cluster.node(name),
        cases.map(({ virtual }) => virtual),
      );
    }
    watchBySystem(cluster.node("director"));
    cluster.director("ipvsadm", ["-R"], cases.map(rulesOf).join(""));
  });

  after(() => {
    closeTunnelEnds();
    cluster?.stop();
  });

  for (const { name, virtual } of cases) {
    test(name, async () => {
      await cluster.client("upload", virtual, BYTES);
      await cluster.client("keepAlive", virtual, 2, BYTES);
      await cluster.client("echo", virtual, 1450, 2);
    });
  }
});
