import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { forwardingOff } from "./forwarding.ts";
import type { InterfaceStatus } from "./interfaces.ts";

const skip = process.getuid?.() === 0 ? false : "network namespaces need root";

function attached(name: string, is = true): InterfaceStatus {
  return { index: 0, name, excluded: null, attached: is };
}

test("what keeps packets from being forwarded is named", { skip }, () => {
  const name = `forwarding-${process.pid}`;
  createNetworkNamespace(name);
  try {
    inNetworkNamespace(name, () => {
      withRouteSocket((socket) => createVeth(socket, { name: "d0" }, { name: "d1.5" }));
      const interfaces = [attached("d0"), attached("d1.5"), attached("lo", false)];
      const off = () => [forwardingOff(4, interfaces), forwardingOff(6, interfaces)];
      writeSysctl("net.ipv4.ip_forward", 0);
      writeSysctl("net.ipv6.conf.all.forwarding", 0);
      assert.deepEqual(off(), [["net.ipv4.ip_forward"], ["net.ipv6.conf.all.forwarding"]]);
      writeSysctl("net.ipv4.conf.d0.forwarding", 1);
      writeSysctl("net.ipv6.conf.all.forwarding", 1);
      assert.deepEqual(off(), [["net/ipv4/conf/d1.5/forwarding"], []]);
      writeSysctl("net.ipv4.ip_forward", 1);
      writeSysctl("net.ipv6.conf.d0.forwarding", 0);
      assert.deepEqual(off(), [[], ["net.ipv6.conf.d0.forwarding"]]);
    });
  } finally {
    deleteNetworkNamespace(name);
  }
});
