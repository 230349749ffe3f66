/** The datapath's programs at the interfaces of a namespace. */
import type { LoadedProgram } from "../../bpf/loader/index.ts";
import { ARPHRD_ETHER, type Link, listLinks, withRouteSocket } from "../../linux/index.ts";
import { RequestError } from "../errors.ts";
import { Attachments, attachmentMethod } from "./attachments.ts";
import { InterfaceMarks } from "./interface-marks.ts";
import { acceptLocal, forwardFromLoopback, restoreAcceptLocal, restoreLoopback } from "./loopback.ts";

/** Why the datapath is not at an interface from which it was taken. */
export const DETACHED = "detached by request";

/** What is attached: a program for packets that come in, and, if there are servers on the director, one for those that go out. */
export interface AttachedPrograms {
  readonly incoming: LoadedProgram;
  readonly outgoing: LoadedProgram | null;
}

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
  readonly #incoming: Attachments;
  readonly #outgoing: Attachments;

  /** `directory`: where the namespace's state is pinned. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#marks = new InterfaceMarks(directory);
    this.#incoming = new Attachments(directory, "ingress");
    this.#outgoing = new Attachments(directory, "egress");
  }

  /** How programs are held at interfaces on this kernel. */
  static method(): "tcx" | "clsact" {
    return attachmentMethod();
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
        attached: this.#incoming.programId(link, socket) !== undefined,
      })),
    );
  }

  /**
   * Sees to it that these programs are attached to all interfaces that they are for, in place of others, and lets go of
   * interfaces that are gone.
   */
  attachAll({ incoming, outgoing }: AttachedPrograms): void {
    withRouteSocket((socket) => {
      const links = listLinks(socket);
      this.#forgetAllBut(links);
      forwardFromLoopback(this.#directory);
      const incomingId = incoming.info().id;
      const outgoingId = outgoing?.info().id ?? 0;
      for (const link of links) {
        if (this.#exclusion(link) !== null) continue;
        this.#incoming.put(link, incoming, incomingId, socket);
        if (outgoing === null) this.#outgoing.remove(link, socket);
        else this.#outgoing.put(link, outgoing, outgoingId, socket);
        if (link.loopback) acceptLocal(this.#directory);
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
        this.#incoming.remove(link, socket);
        this.#outgoing.remove(link, socket);
        if (link.loopback) restoreAcceptLocal(this.#directory);
      }
    });
  }

  /** Takes everything of ours off all interfaces, whatever state the rest is in. */
  detachEverything(): void {
    withRouteSocket((socket) => {
      for (const link of listLinks(socket)) {
        this.#incoming.remove(link, socket);
        this.#outgoing.remove(link, socket);
      }
    });
    this.#incoming.releaseAll();
    this.#outgoing.releaseAll();
    restoreLoopback(this.#directory);
  }

  #forgetAllBut(links: readonly Link[]): void {
    const present = new Set(links.map((link) => link.index));
    this.#incoming.forgetAllBut(present);
    this.#outgoing.forgetAllBut(present);
    this.#marks.forgetAllBut(present);
  }

  #exclusion(link: Link): string | null {
    const never = exclusion(link);
    if (never !== null) return never;
    return this.#marks.isForbidden(link.index) ? DETACHED : null;
  }
}

/** Why the datapath cannot be attached to an interface; null if it can. */
function exclusion(link: Link): string | null {
  return link.loopback || link.hardwareType === ARPHRD_ETHER ? null : "no Ethernet frames";
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
export class NoInterfaceError extends RequestError {
  override readonly name = "NoInterfaceError";
  readonly code = "NO_INTERFACE";

  constructor(name: string, links: readonly Link[]) {
    const there = links.map((link) => link.name).join(", ");
    super(`there is no interface "${name}" in this network namespace; there are ${there}`);
  }
}

/** An interface was named that the datapath cannot be attached to. */
export class ExcludedInterfaceError extends RequestError {
  override readonly name = "ExcludedInterfaceError";
  readonly code = "EXCLUDED_INTERFACE";

  constructor(name: string, why: string) {
    super(`${name} cannot be attached to: ${why}`);
  }
}
