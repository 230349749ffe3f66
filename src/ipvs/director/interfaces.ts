/** The datapath's program at the interfaces of a namespace. */
import { readdirSync } from "node:fs";
import {
  type Attachment,
  attachClsact,
  attachTcx,
  feature,
  type LoadedProgram,
  openClsact,
  openLink,
  type TcxLink,
  unpin,
} from "../../bpf/loader/index.ts";
import { hasCode, type Link, listLinks, type NetlinkSocket, withRouteSocket } from "../../linux/index.ts";
import { InterfaceMarks } from "./interface-marks.ts";

/** What `tc filter show` calls our filters, where there are no tcx links. */
const FILTER_NAME = "lvs";
const LINK_PIN = "link-";

/** ARPHRD_ETHER. */
const ETHERNET = 1;

/** An interface of the namespace. */
export interface InterfaceStatus {
  readonly index: number;
  readonly name: string;
  /** Why the datapath cannot or shall not be attached; null if it can. */
  readonly excluded: string | null;
  readonly attached: boolean;
}

/** The interfaces of the calling thread's namespace, and what is attached to them. */
export class Interfaces {
  readonly #directory: string;
  readonly #marks: InterfaceMarks;

  /** `directory`: where the namespace's state is pinned. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#marks = new InterfaceMarks(directory);
  }

  /** How programs are held at interfaces on this kernel. */
  static method(): "tcx" | "clsact" {
    return feature("tcxLinks").available ? "tcx" : "clsact";
  }

  /** The interfaces of a namespace that has no director. */
  static withoutDirector(): InterfaceStatus[] {
    return withRouteSocket(listLinks).map((link) => ({
      index: link.index,
      name: link.name,
      excluded: exclusion(link),
      attached: false,
    }));
  }

  /** Throws NoInterfaceError unless there are interfaces of these names. */
  static check(names: readonly string[]): void {
    named(names);
  }

  status(): InterfaceStatus[] {
    return withRouteSocket((socket) =>
      listLinks(socket).map((link) => ({
        index: link.index,
        name: link.name,
        excluded: this.#exclusion(link),
        attached: this.#withAttachment(link, socket, (found) => found?.programId() !== undefined),
      })),
    );
  }

  /**
   * Sees to it that this program is attached to all interfaces that it is for, in place of another, and lets go of
   * interfaces that are gone.
   */
  attachAll(program: LoadedProgram): void {
    withRouteSocket((socket) => {
      const links = listLinks(socket);
      this.#forgetAllBut(links);
      const wanted = program.info().id;
      for (const link of links) {
        if (this.#exclusion(link) !== null) continue;
        const running = this.#withAttachment(link, socket, (found) => {
          const id = found?.programId();
          if (id !== undefined && id !== wanted) found?.update(program);
          return id;
        });
        if (running === undefined) this.#attach(link, program, socket);
      }
    });
  }

  /** From now on these interfaces are attached to (none named: all). Throws NoInterfaceError, ExcludedInterfaceError. */
  allow(names: readonly string[]): void {
    if (names.length === 0) this.#marks.allowAll();
    const links = named(names);
    for (const link of links) {
      const why = exclusion(link);
      if (why !== null) throw new ExcludedInterfaceError(link.name, why);
    }
    for (const link of links) this.#marks.allow(link.index);
  }

  /**
   * Takes the program off these interfaces (none named: off all, and interfaces that come later are left alone, too),
   * until they are allowed again. Throws NoInterfaceError.
   */
  detach(names: readonly string[]): void {
    withRouteSocket((socket) => {
      const links = names.length === 0 ? listLinks(socket) : named(names);
      if (names.length === 0) this.#marks.forbidAll();
      for (const link of links) {
        if (names.length > 0) this.#marks.forbid(link.index);
        this.#detach(link, socket);
      }
    });
  }

  /** Takes everything of ours off all interfaces, whatever state the rest is in. */
  detachEverything(): void {
    withRouteSocket((socket) => {
      for (const link of listLinks(socket)) this.#detach(link, socket);
    });
    for (const name of this.#pins()) release(`${this.#directory}/${name}`);
  }

  #attach(link: Link, program: LoadedProgram, socket: NetlinkSocket): void {
    try {
      if (Interfaces.method() === "tcx") {
        const pin = this.#pin(link.index);
        unpin(pin);
        attachTcx(program, link.index, { pin }).close();
      } else {
        attachClsact(program, link.index, { name: FILTER_NAME, socket });
      }
    } catch (error) {
      // It went away meanwhile.
      if (!hasCode(error, "ENODEV")) throw error;
    }
  }

  #withAttachment<T>(link: Link, socket: NetlinkSocket, use: (found: Attachment | null) => T): T {
    const pinned = openOurs(this.#pin(link.index));
    if (pinned === null) return use(openClsact(link.index, { name: FILTER_NAME, socket }));
    try {
      return use(pinned);
    } finally {
      pinned.close();
    }
  }

  #detach(link: Link, socket: NetlinkSocket): void {
    release(this.#pin(link.index));
    openClsact(link.index, { name: FILTER_NAME, socket })?.detach({ withQdisc: true });
  }

  #forgetAllBut(links: readonly Link[]): void {
    const present = new Set(links.map((link) => link.index));
    for (const name of this.#pins()) {
      if (!present.has(Number(name.slice(LINK_PIN.length)))) unpin(`${this.#directory}/${name}`);
    }
    this.#marks.forgetAllBut(present);
  }

  #exclusion(link: Link): string | null {
    const never = exclusion(link);
    if (never !== null) return never;
    return this.#marks.isForbidden(link.index) ? "detached by request" : null;
  }

  #pin(index: number): string {
    return `${this.#directory}/${LINK_PIN}${index}`;
  }

  #pins(): string[] {
    return readdirSync(this.#directory).filter((name) => name.startsWith(LINK_PIN));
  }
}

/** Why the datapath cannot be attached to an interface; null if it can. */
function exclusion(link: Link): string | null {
  if (link.loopback) return "loopback";
  return link.hardwareType === ETHERNET ? null : "no Ethernet frames";
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

function named(names: readonly string[]): Link[] {
  if (names.length === 0) return [];
  const links = withRouteSocket(listLinks);
  return names.map((name) => {
    const link = links.find((each) => each.name === name);
    if (link === undefined) throw new NoInterfaceError(name, links);
    return link;
  });
}

/** An interface was named that the namespace does not have. */
export class NoInterfaceError extends Error {
  override readonly name = "NoInterfaceError";
  readonly code = "NO_INTERFACE";

  constructor(name: string, links: readonly Link[]) {
    const there = links.map((link) => link.name).join(", ");
    super(`there is no interface "${name}" in this network namespace; there are ${there}`);
  }
}

/** An interface was named that the datapath cannot be attached to. */
export class ExcludedInterfaceError extends Error {
  override readonly name = "ExcludedInterfaceError";
  readonly code = "EXCLUDED_INTERFACE";

  constructor(name: string, why: string) {
    super(`${name} cannot be attached to: ${why}`);
  }
}
