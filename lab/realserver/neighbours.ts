/** Who says that it has an address, and as whom somebody asks: ARP and neighbour discovery on a wire. */
import { spawnSync } from "node:child_process";
import { inNetworkNamespace, openPacketSocket } from "../../src/linux/index.ts";
import {
  ARP_OPERATION,
  formatIp,
  formatMac,
  parseArp,
  parseEthernet,
  parseIpPacket,
} from "../../src/net/index.ts";

const ETHERTYPE = { ARP: 0x0806, IPV6: 0x86dd } as const;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** Enough for the kernel to ask, and for an answer, ms. */
const PATIENCE = 400;

/** What was said about an address. */
export interface Word {
  readonly kind: "question" | "answer";
  readonly about: string;
  /** The IP address of who says it. */
  readonly from: string;
  readonly mac: string;
}

/** Has a node send to an address (from one of its own, if named), and gives what is said at another's interface. */
export function wordsAbout(asker: string, target: string, listener: string, source?: string): Word[] {
  const wire = openPacketSocket("eth0", listener);
  try {
    const type = target.includes(":") ? "udp6" : "udp4";
    const bind = source === undefined ? "0" : `0, "${source}"`;
    const code = `const s = require("dgram").createSocket("${type}");
      s.bind(${bind}, () => s.send("?", 9, "${target}", () => s.close()));`;
    inNetworkNamespace(asker, () => spawnSync(process.execPath, ["-e", code], { stdio: "inherit" }));
    return wire
      .receiveAll(PATIENCE)
      .flatMap(({ bytes }) => wordOf(bytes) ?? [])
      .filter(({ about }) => about === target);
  } finally {
    wire.close();
  }
}

function wordOf(frame: Uint8Array): Word | undefined {
  const { type, source, payload } = parseEthernet(frame);
  const mac = formatMac(source);
  if (type === ETHERTYPE.ARP) {
    const { operation, senderIp, targetIp } = parseArp(payload);
    const isQuestion = operation === ARP_OPERATION.REQUEST;
    const from = formatIp(senderIp);
    return {
      kind: isQuestion ? "question" : "answer",
      about: isQuestion ? formatIp(targetIp) : from,
      from,
      mac,
    };
  }
  if (type !== ETHERTYPE.IPV6 || payload[6] !== 58) return undefined;
  const message = payload.subarray(40);
  const kind = { [SOLICITATION]: "question", [ADVERTISEMENT]: "answer" }[message[0]!] as
    | Word["kind"]
    | undefined;
  if (kind === undefined) return undefined;
  const { source: from } = parseIpPacket(payload);
  return { kind, about: formatIp(message.slice(8, 24)), from: formatIp(from), mac };
}
