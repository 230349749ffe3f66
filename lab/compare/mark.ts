/** Firewall marks: which packets get one, for each kind of director. */
import {
  alu,
  exit,
  type Instruction,
  jump,
  labelled,
  load,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  store,
} from "../../src/bpf/asm/index.ts";
import { attachClsact, attachTcx, feature, loadProgram } from "../../src/bpf/loader/index.ts";
import { getLink, inNetworkNamespace, withRouteSocket } from "../../src/linux/index.ts";
import { ip, PROTOCOL, parseIpPacket } from "../../src/net/index.ts";
import { endpointsOf } from "./seen.ts";

/** Which packets get a mark. */
export interface MarkRule {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly destination: string;
  /** 0: any. */
  readonly port: number;
  readonly mark: number;
}

const protocolNumber = ({ protocol }: MarkRule) => (protocol === "tcp" ? PROTOCOL.TCP : PROTOCOL.UDP);

/** The mark that an IP packet gets: 0 if no rule is about it. The last rule that is wins. */
export function markOf(rules: readonly MarkRule[], bytes: Uint8Array): number {
  const packet = parseIpPacket(bytes);
  const { to } = endpointsOf(packet);
  const matching = rules.filter(
    (rule) =>
      rule.family === packet.version &&
      protocolNumber(rule) === packet.protocol &&
      Buffer.compare(ip(rule.destination), to.address) === 0 &&
      (rule.port === 0 || rule.port === to.port),
  );
  return matching.at(-1)?.mark ?? 0;
}

/** Offsets in an Ethernet frame, for headers without options. */
const OFFSET = {
  4: { protocol: 23, destination: 30, ports: 34 },
  6: { protocol: 20, destination: 38, ports: 54 },
} as const;
const ETHERTYPE_OFFSET = 12;
const ETHERTYPE = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
/** Of struct __sk_buff. */
const CONTEXT = { mark: 8, data: 76, dataEnd: 80 } as const;
const NEXT = -1;

/** A tc program that marks the packets of a rule and lets all go on to the next program. */
function instructions(rule: MarkRule): Instruction[] {
  const offset = OFFSET[rule.family];
  const expected = new Map<number, number>();
  const expect = (at: number, bytes: Iterable<number>) => {
    for (const [i, byte] of [...bytes].entries()) expected.set(at + i, byte);
  };
  expect(ETHERTYPE_OFFSET, ETHERTYPE[rule.family]);
  expect(offset.protocol, [protocolNumber(rule)]);
  expect(offset.destination, ip(rule.destination));
  if (rule.port !== 0) expect(offset.ports + 2, [rule.port >> 8, rule.port & 255]);
  return [
    alu.mov.reg(R6, R1),
    load(R2, R6, CONTEXT.data, 4),
    load(R3, R6, CONTEXT.dataEnd, 4),
    alu.mov.reg(R4, R2),
    alu.add.imm(R4, offset.ports + 4),
    jump.gt.reg(R4, R3, "on"),
    ...[...expected].flatMap(([at, byte]) => [load(R5, R2, at, 1), jump.ne.imm(R5, byte, "on")]),
    alu.mov.imm(R5, rule.mark),
    store(R6, CONTEXT.mark, R5, 4),
    labelled("on", alu.mov.imm(R0, NEXT)),
    exit(),
  ];
}

/**
 * Attaches a rule to an interface of a namespace. Before Linux 6.6 the program attached last runs first, since then the
 * one attached first: so call it after the first service there, and before it here. Ends with the namespace or `close`.
 */
export function attachMark(
  namespace: string,
  device: string,
  rule: MarkRule,
  number: number,
): { close(): void } {
  return inNetworkNamespace(namespace, () =>
    withRouteSocket((socket) => {
      const { index } = getLink(socket, device);
      const program = loadProgram(
        {
          ...{ name: "lab_mark", type: "schedCls", license: "Dual MIT/GPL", lines: [], maps: [] },
          instructions: instructions(rule),
          functions: [{ name: "lab_mark", start: 0 }],
        },
        new Map(),
      );
      try {
        if (marksComeFirst()) return attachTcx(program, index);
        attachClsact(program, index, { name: "lab_mark", handle: 100 + number, socket });
        return { close: () => {} };
      } finally {
        program.close();
      }
    }),
  );
}

/** Whether marks are to be attached before the first service. */
export function marksComeFirst(): boolean {
  return feature("tcxLinks").available;
}
