/** What goes up the stack of a namespace: IP packets that no program at traffic control's ingress took. */
import {
  AF,
  bindSocket,
  close,
  getLink,
  inNetworkNamespace,
  MSG,
  receive,
  SOCK,
  socket,
  withRouteSocket,
} from "../../../linux/index.ts";

const ETHERTYPES = [0x0800, 0x86dd] as const;
const OUTGOING = 4;

export class StackTap {
  readonly #sockets: number[] = [];
  readonly #buffer = new Uint8Array(0x1_0000);

  constructor(namespace: string, interfaces: readonly string[]) {
    inNetworkNamespace(namespace, () => {
      for (const name of interfaces) {
        const { index } = withRouteSocket((route) => getLink(route, name));
        for (const type of ETHERTYPES) this.#sockets.push(open(index, type));
      }
    });
  }

  /** The frames that came since, without waiting. */
  take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (const fd of this.#sockets) {
      for (;;) {
        const from = new Uint8Array(20);
        const size = receive(fd, this.#buffer, MSG.DONTWAIT, from);
        if (size < 0) break;
        if (from[10] !== OUTGOING) frames.push(this.#buffer.slice(0, size));
      }
    }
    return frames;
  }

  close(): void {
    for (const fd of this.#sockets) close(fd);
  }
}

/** A packet socket for one protocol: unlike one for all, it hears what has passed traffic control. */
function open(index: number, type: number): number {
  const fd = socket(AF.PACKET, SOCK.RAW, 0, "packet socket");
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, type);
  view.setInt32(4, index, true);
  bindSocket(fd, address);
  return fd;
}
