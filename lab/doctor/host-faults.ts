/** What can be wrong with the host that a director runs on. */
import { attach, detach } from "../../src/ipvs/index.ts";
import {
  addAddress,
  createVeth,
  deleteAddress,
  deleteLink,
  listAddresses,
  setLink,
} from "../../src/linux/index.ts";
import { formatIp, prefix } from "../../src/net/index.ts";
import { namespaceOf } from "../network.ts";
import { key, text, vip } from "./configure.ts";
import { configuring, type Fault, moving, setting, together } from "./fault.ts";
import { LOCAL, server, virtual, wire } from "./plan.ts";
import type { Ward } from "./ward.ts";

export const HOST_FAULTS: readonly Fault[] = [
  {
    name: "IPv4 is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv4.ip_forward", 0]),
    findings: ["forwarding-off net.ipv4.ip_forward", "loopback-forwarding-off net.ipv4.conf.lo.forwarding"],
    mended: ["sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.conf.lo.forwarding=1"],
    breaks: [4, "nat"],
  },
  {
    name: "IPv6 is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv6.conf.all.forwarding", 0]),
    findings: [
      "forwarding-off net.ipv6.conf.all.forwarding",
      "loopback-forwarding-off net.ipv6.conf.lo.forwarding",
    ],
    mended: ["sysctl -w net.ipv6.conf.all.forwarding=1", "sysctl -w net.ipv6.conf.lo.forwarding=1"],
    breaks: [6, "full"],
  },
  {
    name: "what comes in by one interface is not forwarded",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.outside.forwarding", 0]),
    findings: ["forwarding-off net.ipv4.conf.outside.forwarding"],
    mended: ["sysctl -w net.ipv4.conf.outside.forwarding=1"],
    breaks: [4, "nat"],
  },
  {
    name: "ways cannot be looked up from loopback, nor from where clients come in",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.lo.forwarding", 0], ["net.ipv4.conf.outside.forwarding", 0]),
    findings: [
      "forwarding-off net.ipv4.conf.outside.forwarding",
      "loopback-forwarding-off net.ipv4.conf.lo.forwarding",
    ],
    mended: ["sysctl -w net.ipv4.conf.outside.forwarding=1", "sysctl -w net.ipv4.conf.lo.forwarding=1"],
    breaks: [4, "dr"],
  },
  {
    name: "loopback does not take the director's own addresses",
    node: "director",
    seed: setting("director", ["net.ipv4.conf.lo.accept_local", 0]),
    findings: ["loopback-not-ready lo"],
    mended: ["lvs attach lo"],
  },
  {
    name: "a virtual address is missing, IPv4",
    node: "director",
    seed: moving("director", ["outside", vip("nat")], null),
    findings: [`vip-missing ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "nat"],
  },
  {
    name: "a virtual address is missing, IPv6",
    node: "director",
    seed: moving("director", ["outside", vip("nat", 6)], null),
    findings: [`vip-missing ${virtual(6, "nat")} (${text("nat", 6)})`],
    breaks: [6, "nat"],
  },
  {
    name: "a virtual address is on loopback with its network's mask",
    node: "director",
    seed: moving("director", ["outside", vip("nat")], ["lo", `${virtual(4, "nat")}/24`]),
    findings: [`vip-mask ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "dr"],
  },
  {
    name: "the director keeps quiet like a real server, IPv4",
    node: "director",
    seed: together(
      moving("director", ["outside", vip("nat")], ["lo", vip("nat")]),
      setting("director", ["net.ipv4.conf.all.arp_ignore", 1]),
    ),
    findings: [`vip-not-announced ${virtual(4, "nat")} (${text("nat")})`],
    breaks: [4, "nat"],
  },
  {
    name: "the director keeps quiet like a real server, IPv6",
    node: "director",
    seed: moving("director", ["outside", vip("nat", 6)], ["lo", vip("nat", 6)]),
    findings: [`vip-not-announced ${virtual(6, "nat")} (${text("nat", 6)})`],
    breaks: [6, "nat"],
  },
  {
    name: "another host has the virtual address, IPv6",
    node: "director",
    seed: (ward) => {
      const back = moving("director", ["outside", vip("nat", 6)], null)(ward);
      const theirs = moving("client", null, ["eth0", vip("nat", 6)])(ward);
      const address = prefix(vip("nat", 6));
      ward.network("director", (socket) => {
        addAddress(socket, "outside", address, { skipDuplicateDetection: false });
        untilFailed(
          () =>
            listAddresses(socket, "outside").find(
              (each) => formatIp(each.prefix.address) === virtual(6, "nat"),
            )!.flags,
        );
      });
      return () => {
        ward.network("director", (socket) => deleteAddress(socket, "outside", address));
        theirs();
        back();
      };
    },
    findings: [`vip-duplicate ${virtual(6, "nat")} (${text("nat", 6)})`],
  },
  {
    name: "a real server answers ARP for the virtual address",
    node: "director",
    seed: setting("dr", ["net.ipv4.conf.all.arp_ignore", 0]),
    findings: [`vip-answered-by-other ${virtual(4, "dr")} (${text("dr")})`],
    visit: { probe: true },
  },
  {
    name: "an interface of clients came after the last change",
    node: "director",
    seed: (ward) => {
      ward.network("director", (socket) =>
        createVeth(
          socket,
          { name: "late", up: true },
          { name: "late", up: true, namespace: namespaceOf(ward.plan, "client") },
        ),
      );
      const back = moving("director", ["outside", vip("nat")], ["late", vip("nat")])(ward);
      return () => {
        back();
        ward.network("director", (socket) => deleteLink(socket, "late"));
      };
    },
    findings: ["interface-not-attached late"],
    mended: ["lvs attach late"],
  },
  {
    name: "the director's own address towards servers is another one",
    node: "director",
    seed: together(
      refreshed,
      configuring(
        (director) => director.deleteLocalAddress(key("full", 6), wire(6, LOCAL)),
        (director) => director.addLocalAddress(key("full", 6), wire(6, LOCAL)),
      ),
      // Of several the kernel takes the one that came last.
      moving("director", ["inside", `${wire(6, LOCAL)}/64`], ["inside", `${wire(6, LOCAL + 1)}/64`]),
    ),
    findings: [`addresses-stale ${server(6, "full")}`, `addresses-stale ${server(6, "tun")}`],
    mended: ["lvs attach"],
    breaks: [6, "full"],
  },
  {
    name: "the datapath was taken off an interface",
    node: "director",
    seed: (ward) => {
      ward.inside("director", () => detach(["inside"]));
      return () => void ward.inside("director", () => attach(["inside"]));
    },
    findings: ["interface-not-attached inside"],
    breaks: [4, "nat"],
  },
  {
    name: "an interface has no carrier",
    node: "director",
    seed: (ward) => {
      const set = (up: boolean): void => ward.network("lan", (socket) => setLink(socket, "director", { up }));
      set(false);
      return () => set(true);
    },
    findings: ["interface-down outside"],
  },
];

/** The datapath knows the host's addresses again once they are as they were. */
function refreshed(ward: Ward) {
  return () => void ward.inside("director", () => attach());
}

/** IFA_F_DADFAILED. */
const FAILED = 0x08;
const DETECTION_MS = 5000;

function untilFailed(flags: () => number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; (flags() & FAILED) === 0; waited += 50) {
    if (waited > DETECTION_MS) throw new Error("the duplicate address was not detected");
    Atomics.wait(cell, 0, 0, 50);
  }
}
