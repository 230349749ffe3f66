/** SIP messages, and directors that get them. */
import { TC_REDIRECT } from "../../bpf/index.ts";
import { formatIp, parseIpPacket } from "../../net/index.ts";
import { CALL_ID_WORDS, callIds, connectionTable, KIND_ENGINE, STATE_REMOVED } from "../tables.ts";
import { runCommand } from "./commands.ts";
import { TestDirector } from "./director.ts";
import { interfaceOf, type Side, udpFrame } from "./frames.ts";

/** A SIP request; `header`: the lines of its Call-ID, with their ends. */
export function sipRequest(header: string, method = "INVITE"): string {
  return [
    `${method} sip:service@192.0.2.1:5060 SIP/2.0\r\n`,
    "Via: SIP/2.0/UDP 198.18.0.1:5060;branch=z9hG4bK-1-0\r\n",
    "From: sipp <sip:sipp@198.18.0.1:5060>;tag=1\r\n",
    "To: service <sip:service@192.0.2.1:5060>\r\n",
    header,
    `CSeq: 1 ${method}\r\n`,
    "Contact: sip:sipp@198.18.0.1:5060\r\n",
    "Max-Forwards: 70\r\n",
    "Content-Length: 0\r\n\r\n",
  ].join("");
}

/** A request with that Call-ID. */
export function call(callId: string, method?: string): string {
  return sipRequest(`Call-ID: ${callId}\r\n`, method);
}

/** A director with these commands, each without "ipvsadm". */
export function directorWith(...commands: readonly string[]): TestDirector {
  const director = new TestDirector();
  for (const command of commands) runCommand(director.configuration, `ipvsadm ${command}`.split(" "));
  return director;
}

/** Addresses of a sent datagram: "198.18.0.1:1000 > 10.0.0.1:5060". Throws if it was not sent. */
export function sendMessage(
  director: TestDirector,
  from: string,
  to: string,
  text: string,
  { side = "client", mark = 0 }: { readonly side?: Side; readonly mark?: number } = {},
): string {
  const payload = Buffer.from(text, "latin1");
  const { verdict, packet } = director.receive(udpFrame(side, from, to, { payload }), {
    ifindex: interfaceOf(side),
    mark,
  });
  if (verdict !== TC_REDIRECT) throw new Error(`${from} > ${to}: verdict ${verdict}`);
  const { source, destination, transport } = parseIpPacket(packet.bytes.subarray(14));
  if (transport.kind !== "udp") throw new Error(`${from} > ${to}: it is ${transport.kind}`);
  const { sourcePort, destinationPort } = transport;
  return `${formatIp(source)}:${sourcePort} > ${formatIp(destination)}:${destinationPort}`;
}

/** The server that a client's datagram is sent to. */
export function serverOf(...sent: Parameters<typeof sendMessage>): string {
  return sendMessage(...sent).replace(/^.* > (.*):\d+$/, "$1");
}

/** A Call-ID of the table. */
export function callIdIn(slot: number): string {
  const { words } = callIds.lookup(slot)!;
  const bytes = Buffer.alloc(8 * CALL_ID_WORDS);
  for (let i = 0; i < CALL_ID_WORDS; i++) bytes.writeBigUInt64LE(words[i]!, 8 * i);
  return bytes.toString("latin1").replace(/\0+$/, "");
}

/** The Call-IDs of live templates, in table order. */
export function callIdsOf(director: TestDirector): string[] {
  return director.machine.run(() => {
    const list: string[] = [];
    for (let slot = 0; slot < director.machine.map(connectionTable).capacity; slot++) {
      const { kind, state } = connectionTable.lookup(slot)!;
      if ((kind & KIND_ENGINE) !== 0 && state !== 0 && (state & STATE_REMOVED) === 0)
        list.push(callIdIn(slot));
    }
    return list;
  });
}
