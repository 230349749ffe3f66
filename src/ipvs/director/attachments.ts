/** A program at one side of interfaces: where packets come in, or where they go out. */
import { readdirSync } from "node:fs";
import {
  type Attachment,
  attachClsact,
  attachTcx,
  type Direction,
  feature,
  type LoadedProgram,
  openClsact,
  openLink,
  type TcxLink,
  unpin,
} from "../../bpf/loader/index.ts";
import { hasCode, type Link, type NetlinkSocket } from "../../linux/index.ts";

/** How filters are known where there are no tcx links: what `tc filter show` calls them, and their place in the order. */
export interface FilterIdentity {
  readonly name: string;
  readonly priority: number;
}
const DATAPATH: FilterIdentity = { name: "lvs", priority: 1 };
/** Pins of links, by direction: this and the interface's index. */
const LINK_PINS: Readonly<Record<Direction, string>> = { ingress: "link-", egress: "out-" };

/** How programs are held at interfaces on this kernel. */
export function attachmentMethod(): "tcx" | "clsact" {
  return feature("tcxLinks").available ? "tcx" : "clsact";
}

export class Attachments {
  readonly #directory: string;
  readonly #direction: Direction;
  readonly #filter: FilterIdentity;

  /** `directory`: where links are pinned. */
  constructor(directory: string, direction: Direction, filter: FilterIdentity = DATAPATH) {
    this.#directory = directory;
    this.#direction = direction;
    this.#filter = filter;
  }

  /** The kernel-wide number of our program at that interface; undefined if there is none. */
  programId(link: Link, socket: NetlinkSocket): number | undefined {
    return this.#with(link, socket, (found) => found?.programId());
  }

  /** Sees to it that this program (of that number) is at the interface, in place of another of ours. */
  put(link: Link, program: LoadedProgram, id: number, socket: NetlinkSocket): void {
    const running = this.#with(link, socket, (found) => {
      const present = found?.programId();
      if (present !== undefined && present !== id) found?.update(program);
      return present;
    });
    if (running === undefined) this.#attach(link, program, socket);
  }

  /** Takes what there is of ours off the interface. */
  remove(link: Link, socket: NetlinkSocket): void {
    release(this.#pin(link.index));
    this.#openFilter(link, socket)?.detach({ withQdisc: true });
  }

  /** Lets go of links to interfaces that are gone. */
  forgetAllBut(present: ReadonlySet<number>): void {
    for (const [index, pin] of this.#pins()) if (!present.has(index)) unpin(pin);
  }

  /** Releases all links, whatever interfaces there are. */
  releaseAll(): void {
    for (const pin of this.#pins().values()) release(pin);
  }

  #attach(link: Link, program: LoadedProgram, socket: NetlinkSocket): void {
    try {
      if (attachmentMethod() === "tcx") {
        const pin = this.#pin(link.index);
        unpin(pin);
        attachTcx(program, link.index, { pin, direction: this.#direction }).close();
      } else {
        attachClsact(program, link.index, { ...this.#filter, socket, direction: this.#direction });
      }
    } catch (error) {
      // It went away meanwhile.
      if (!hasCode(error, "ENODEV")) throw error;
    }
  }

  #with<T>(link: Link, socket: NetlinkSocket, use: (found: Attachment | null) => T): T {
    const pinned = openOurs(this.#pin(link.index));
    if (pinned === null) return use(this.#openFilter(link, socket));
    try {
      return use(pinned);
    } finally {
      pinned.close();
    }
  }

  #openFilter(link: Link, socket: NetlinkSocket) {
    return openClsact(link.index, { ...this.#filter, socket, direction: this.#direction });
  }

  #pin(index: number): string {
    return `${this.#directory}/${LINK_PINS[this.#direction]}${index}`;
  }

  /** Pins by the index of their interface. */
  #pins(): ReadonlyMap<number, string> {
    const prefix = LINK_PINS[this.#direction];
    return new Map(
      readdirSync(this.#directory)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [Number(name.slice(prefix.length)), `${this.#directory}/${name}`]),
    );
  }
}

/** Detaches a pinned link and removes its pin. */
function release(pin: string): void {
  const link = openOurs(pin);
  link?.detach();
  link?.close();
  unpin(pin);
}

/** The link pinned there; null if there is none, or something else. */
function openOurs(pin: string): TcxLink | null {
  try {
    return openLink(pin);
  } catch (error) {
    if (hasCode(error, "FOREIGN_PIN")) return null;
    throw error;
  }
}
