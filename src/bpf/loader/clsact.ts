import {
  addBpfFilter,
  addClsact,
  deleteClsact,
  deleteFilter,
  type Filter,
  type FilterPlace,
  hasCode,
  listFilters,
  NETLINK,
  NetlinkSocket,
  replaceBpfFilter,
} from "../../linux/index.ts";
import type { Attachment, Direction } from "./attachment.ts";
import type { LoadedProgram } from "./loaded-program.ts";

export interface ClsactOptions {
  /** Default "ingress". */
  readonly direction?: Direction;
  /** What `tc filter show` calls it, and how it is known to be ours. Default: the program's name. */
  readonly name?: string;
  /** 1 to 65535; lower ones run first. Default 1. */
  readonly priority?: number;
  /** Tells filters of one priority apart; above 0. Default 1. */
  readonly handle?: number;
  /** The netlink socket to use, of the interface's namespace. Default: one of this thread's, for the call. */
  readonly socket?: NetlinkSocket;
}

/** A program at an interface as a direct-action filter. It stays until it is detached or the interface goes. */
export class ClsactFilter implements Attachment {
  readonly place: FilterPlace;
  readonly name: string;
  /** Whether attaching it gave the interface its clsact qdisc. */
  readonly madeQdisc: boolean;
  readonly #socket: NetlinkSocket | undefined;

  /** Use attachClsact or openClsact. */
  constructor(place: FilterPlace, name: string, madeQdisc: boolean, socket?: NetlinkSocket) {
    this.place = place;
    this.name = name;
    this.madeQdisc = madeQdisc;
    this.#socket = socket;
  }

  programId(): number | undefined {
    return withSocket(this.#socket, (socket) => {
      const found = filterAt(socket, this.place);
      return found?.name === this.name ? found.programId : undefined;
    });
  }

  update(program: LoadedProgram): void {
    withSocket(this.#socket, (socket) => {
      replaceBpfFilter(socket, { ...this.place, program: program.fd, name: this.name });
    });
  }

  /** As in {@link Attachment}. `withQdisc`: the clsact qdisc, too, if no filter is left. Idempotent. */
  detach({ withQdisc = false }: { readonly withQdisc?: boolean } = {}): void {
    withSocket(this.#socket, (socket) => {
      const { link } = this.place;
      try {
        if (filterAt(socket, this.place)?.name === this.name) deleteFilter(socket, this.place);
        if (withQdisc && filtersOf(socket, link).length === 0) deleteClsact(socket, link);
      } catch (error) {
        if (!hasCode(error, "ENOENT", "EINVAL", "ENODEV")) throw error;
      }
    });
  }
}

/**
 * Runs a program on each packet of an interface, as a filter at clsact (any kernel; tcx links are better where there
 * are any). A filter of the same name in the same place is replaced in one step: no packet sees neither or both.
 *
 * Throws SystemError: EEXIST if somebody else's filter is in the place, ENODEV without such an interface.
 */
export function attachClsact(
  program: LoadedProgram,
  ifindex: number,
  options: ClsactOptions = {},
): ClsactFilter {
  const place = placeOf(ifindex, options);
  const name = options.name ?? program.name;
  return withSocket(options.socket, (socket) => {
    const made = addClsact(socket, ifindex);
    const filter = { ...place, program: program.fd, name };
    if (!made && filterAt(socket, place)?.name === name) replaceBpfFilter(socket, filter);
    else addBpfFilter(socket, filter);
    return new ClsactFilter(place, name, made, options.socket);
  });
}

/** The filter that {@link attachClsact} made with these options, null if it is not there. `name` must be given. */
export function openClsact(
  ifindex: number,
  options: ClsactOptions & { readonly name: string },
): ClsactFilter | null {
  const filter = new ClsactFilter(placeOf(ifindex, options), options.name, false, options.socket);
  return filter.programId() === undefined ? null : filter;
}

function placeOf(
  ifindex: number,
  { direction = "ingress", priority = 1, handle = 1 }: ClsactOptions,
): FilterPlace {
  return { link: ifindex, direction, priority, handle };
}

function filterAt(socket: NetlinkSocket, place: FilterPlace): Filter | undefined {
  return filtersOf(socket, place.link, place.direction).find(
    ({ priority, handle }) => priority === place.priority && handle === place.handle,
  );
}

/** None where there is no clsact qdisc, or no interface. */
function filtersOf(socket: NetlinkSocket, link: string | number, direction?: Direction): Filter[] {
  const directions = direction === undefined ? (["ingress", "egress"] as const) : [direction];
  try {
    return directions.flatMap((each) => listFilters(socket, link, each));
  } catch (error) {
    if (hasCode(error, "EINVAL", "ENOENT", "ENODEV")) return [];
    throw error;
  }
}

function withSocket<R>(given: NetlinkSocket | undefined, work: (socket: NetlinkSocket) => R): R {
  const socket = given ?? new NetlinkSocket(NETLINK.ROUTE);
  try {
    return work(socket);
  } finally {
    if (given === undefined) socket.close();
  }
}
