/** What the datapath is to see of a configuration, said independently of how the administration writes it. */

import * as tables from "../../kernel/tables.ts";
import { ip } from "../../net/index.ts";
import { type Destination, hostMask, type ServiceKey, type VirtualService } from "../model.ts";
import { type DatapathView, keyText, poolText, serverText } from "./datapath-view.ts";

/** A service with its list, as people know it. */
export interface PlainService {
  readonly service: VirtualService;
  readonly list: readonly Destination[];
  readonly localAddresses: readonly string[];
}

const SCHEDULERS = " rr wrr lc wlc lblc lblcr dh sh mh sed nq fo ovf twos".split(" ");
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
const METHODS = ["masquerade", "local", "tunnel", "route", "bypass", "fullnat"];
const NANOSECONDS_A_TICK = 2 ** 27;

function wordsOf(text: string): number[] {
  const bytes = new Uint8Array(16);
  bytes.set(ip(text));
  const view = new DataView(bytes.buffer);
  return [0, 4, 8, 12].map((offset) => view.getUint32(offset));
}

function keyOf(key: ServiceKey): string {
  if (key.kind === "mark") {
    return keyText({
      kind: 0x80 + key.family,
      address: { words: [key.mark, 0, 0, 0] },
      port: 0,
      protocol: 0,
    });
  }
  const address = { words: wordsOf(key.address) };
  return keyText({ kind: key.family, address, port: key.port, protocol: PROTOCOLS[key.protocol] });
}

/** A mask as words: IPv4's in the first; of IPv6 so many ones. */
function maskOf({ key, persistence }: VirtualService): number[] {
  if (persistence === null) return [0, 0, 0, 0];
  if (key.family === 4) return [persistence.mask, 0, 0, 0];
  const digits = "1".repeat(persistence.mask).padEnd(hostMask(6), "0");
  return [0, 32, 64, 96].map((start) => Number.parseInt(digits.slice(start, start + 32), 2));
}

function poolOf({ service, localAddresses }: PlainService): string {
  const { scheduler, schedulerFlags, onePacket, clientAddress, persistence, engine } = service;
  const flags =
    schedulerFlags +
    (onePacket ? tables.POOL_ONE_PACKET : 0) +
    (engine === "sip" ? tables.POOL_SIP : 0) +
    { hidden: 0, toa: tables.POOL_TOA, "proxy-v2": tables.POOL_PROXY }[clientAddress];
  const local = localAddresses.map((each) =>
    wordsOf(each)
      .map((word) => word.toString(16).padStart(8, "0"))
      .join(""),
  );
  const ticks = persistence === null ? 0 : Math.round((persistence.timeout * 1e9) / NANOSECONDS_A_TICK);
  const settings = { scheduler: SCHEDULERS.indexOf(scheduler), flags, persistence: ticks };
  return poolText({ ...settings, mask: { words: maskOf(service) } }, local);
}

function serverOf(destination: Destination): string {
  const { family, address, port, method, tunnel, weight, upperThreshold, lowerThreshold } = destination;
  return serverText({ family, address: { words: wordsOf(address) }, port }, weight, {
    forward: METHODS.indexOf(method),
    tunnelType: tunnel === null ? 0 : ["ipip", "gue", "gre"].indexOf(tunnel.type),
    tunnelChecksum: tunnel === null ? 0 : ["none", "full", "remote"].indexOf(tunnel.checksum),
    tunnelPort: tunnel === null ? 0 : tunnel.port,
    upper: upperThreshold,
    lower: lowerThreshold,
  });
}

/** What `datapathView` shows of it, what is in place included. */
export function expectedView(services: Iterable<PlainService>): DatapathView {
  return new Map(
    [...services].map((each) => [
      keyOf(each.service.key),
      [poolOf(each), ...each.list.map(serverOf)].join(", "),
    ]),
  );
}
