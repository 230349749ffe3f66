/**
 * Sends a flood of small UDP packets as fast as one CPU can, from the network namespace it is started in:
 * `node flood-sender.js IFACE-INDEX DESTINATION-MAC SOURCE-IP DESTINATION-IP PORT COUNT FLOWS FIRST`.
 *
 * The addresses are of IPv4 or of IPv6. Frames are built once and handed to a packet socket 256 at a time (sendmmsg), past the queueing discipline; only
 * the source port and the low bits of the source address change. FLOWS flows take turns, so that FLOWS = COUNT
 * makes each packet a flow of its own, flow number FIRST + i. Says "ready", waits for a line, sends, says "done".
 */
import { once } from "node:events";
import { addressOf, bind, check, close, lastErrno, setSocketOption, socket } from "../src/linux/index.ts";
import { checksum, ip } from "../src/net/index.ts";

const BATCH = 256;
const IPV4_FRAME = 60;
const IPV6_FRAME = 80;
/** struct mmsghdr on 64-bit machines: msghdr (56 bytes) and msg_len, padded. */
const MMSGHDR = 64;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const FIRST_PORT = 1024;
const PORTS = 60_000;
const UDP = 17;

const sendmmsg = bind<[number, Uint8Array, number, number], number>(
  "int sendmmsg(int fd, void *messages, unsigned int count, int flags)",
);

/** Memory that others point into: held, so that it is not collected while they do. */
const keptForTheKernel: Uint8Array[] = [];

async function flood(argv: readonly string[]): Promise<void> {
  const [iface, mac, source, destination, port, count, flows, first] = argv as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const isIpv6 = source.includes(":");
  const size = isIpv6 ? IPV6_FRAME : IPV4_FRAME;
  const frames = new Uint8Array(BATCH * size);
  const view = new DataView(frames.buffer);
  const template = isIpv6
    ? frame6(mac, source, destination, Number(port))
    : frame(mac, source, destination, Number(port));
  for (let i = 0; i < BATCH; i++) frames.set(template, i * size);
  const setFlow = isIpv6 ? flowSetter6(template) : flowSetter(template);

  const name = new Uint8Array(20);
  const nameView = new DataView(name.buffer);
  nameView.setUint16(0, 17, true);
  nameView.setUint16(2, isIpv6 ? 0x86dd : 0x0800);
  nameView.setInt32(4, Number(iface), true);
  name[11] = 6;
  name.set(template.subarray(0, 6), 12);

  const vectors = new Uint8Array(BATCH * 16);
  const vectorView = new DataView(vectors.buffer);
  const messages = new Uint8Array(BATCH * MMSGHDR);
  const messageView = new DataView(messages.buffer);
  for (let i = 0; i < BATCH; i++) {
    vectorView.setBigUint64(i * 16, addressOf(frames) + BigInt(i * size), true);
    vectorView.setBigUint64(i * 16 + 8, BigInt(size), true);
    messageView.setBigUint64(i * MMSGHDR, addressOf(name), true);
    messageView.setUint32(i * MMSGHDR + 8, name.length, true);
    messageView.setBigUint64(i * MMSGHDR + 16, addressOf(vectors) + BigInt(i * 16), true);
    messageView.setBigUint64(i * MMSGHDR + 24, 1n, true);
  }

  keptForTheKernel.push(frames, name, vectors, messages);
  const fd = socket(17, 3, 0, "a packet socket");
  setSocketOption(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  let sent = 0;
  const total = Number(count);
  const flowCount = Number(flows);
  const offset = Number(first);
  console.log("ready");
  await once(process.stdin, "data");
  while (sent < total) {
    const batch = Math.min(BATCH, total - sent);
    for (let i = 0; i < batch; i++) {
      const flow = offset + ((sent + i) % flowCount);
      setFlow(view, i * size, flow);
    }
    const done = sendmmsg(fd, messages, batch, 0);
    if (done < 0 && lastErrno() === 105) continue;
    sent += check(done, "sendmmsg");
  }
  close(fd);
  console.log("done");
  process.stdin.destroy();
}

/** Makes the frame at `at` one of a flow. */
type FlowSetter = (view: DataView, at: number, flow: number) => void;

/** Flow number → source port and source address (base + flow / PORTS), with the header checksum brought up to date. */
function flowSetter(template: Uint8Array): FlowSetter {
  const baseAddress = new DataView(template.buffer).getUint32(26);
  return (view, at, flow) => {
    view.setUint16(at + 34, FIRST_PORT + (flow % PORTS));
    const address = baseAddress + Math.floor(flow / PORTS);
    if (view.getUint32(at + 26) === address) return;
    view.setUint32(at + 26, address);
    view.setUint16(at + 24, 0);
    view.setUint16(at + 24, checksum(new Uint8Array(view.buffer, at + 14, 20)));
  };
}

/** The same for IPv6, with the checksum of UDP, that there must be: the sum of all that stays, and of what changes. */
function flowSetter6(template: Uint8Array): FlowSetter {
  const base = new DataView(template.buffer);
  const baseAddress = base.getUint32(34);
  let rest = UDP + 26;
  for (let at = 22; at < IPV6_FRAME; at += 2) rest += base.getUint16(at);
  rest -= (baseAddress >>> 16) + (baseAddress & 0xffff);
  return (view, at, flow) => {
    const port = FIRST_PORT + (flow % PORTS);
    const address = baseAddress + Math.floor(flow / PORTS);
    let sum = rest + port + (address >>> 16) + (address & 0xffff);
    while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
    view.setUint32(at + 34, address);
    view.setUint16(at + 54, port);
    view.setUint16(at + 60, sum === 0xffff ? sum : ~sum & 0xffff);
  };
}

/** Ethernet, IPv4, UDP and 18 bytes: 60 in all, the shortest frame; no UDP checksum. */
function frame(mac: string, source: string, destination: string, port: number): Uint8Array {
  const bytes = new Uint8Array(IPV4_FRAME);
  const view = new DataView(bytes.buffer);
  bytes.set(
    mac.split(":").map((part) => Number.parseInt(part, 16)),
    0,
  );
  bytes.set([0x02, 0, 0, 0, 0, 1], 6);
  view.setUint16(12, 0x0800);
  bytes.set([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17], 14);
  bytes.set(source.split(".").map(Number), 26);
  bytes.set(destination.split(".").map(Number), 30);
  view.setUint16(24, checksum(bytes.subarray(14, 34)));
  view.setUint16(36, port);
  view.setUint16(38, 26);
  return bytes;
}

/** Ethernet, IPv6, UDP and 18 bytes: 80 in all. Source port and checksum are 0. */
function frame6(mac: string, source: string, destination: string, port: number): Uint8Array {
  const bytes = new Uint8Array(IPV6_FRAME);
  const view = new DataView(bytes.buffer);
  bytes.set(
    mac.split(":").map((part) => Number.parseInt(part, 16)),
    0,
  );
  bytes.set([0x02, 0, 0, 0, 0, 1], 6);
  view.setUint16(12, 0x86dd);
  bytes.set([0x60, 0, 0, 0, 0, 26, UDP, 64], 14);
  bytes.set(ip(source), 22);
  bytes.set(ip(destination), 38);
  view.setUint16(56, port);
  view.setUint16(58, 26);
  return bytes;
}

await flood(process.argv.slice(2));
