import { SystemError } from "./errno.ts";
import { bind, bindAsync, check, lastErrno } from "./libc.ts";

/** Events of poll(2). */
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16 } as const;

const cPoll = bind<[Uint8Array, number, number], number>(
  "int poll(void *fds, unsigned long count, int timeout)",
);

/**
 * poll(2) on one descriptor. Waits at most `timeout` milliseconds (-1: for ever) for `events`; returns those
 * that came, 0 for none.
 */
export function pollOne(fd: number, events: number, timeout: number): number {
  const entry = new Uint8Array(8);
  const view = new DataView(entry.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  const deadline = performance.now() + timeout;
  for (;;) {
    const left = timeout < 0 ? -1 : Math.max(0, Math.ceil(deadline - performance.now()));
    if (cPoll(entry, 1, left) >= 0) return view.getInt16(6, true);
    const errno = lastErrno();
    if (errno !== 4) throw new SystemError("poll", errno);
  }
}

/** struct epoll_event is packed on x86_64 only: events at 0, data at 4 or 8. */
const EVENT_SIZE = process.arch === "x64" ? 12 : 16;
const EVENT_DATA = process.arch === "x64" ? 4 : 8;

/** Operations of epoll_ctl(2). */
export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
/** Events of epoll_ctl(2). */
export const EPOLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, ET: 0x8000_0000 } as const;

/** One event of {@link epollWait}: what happened to the descriptor that was registered with `data`. */
export interface EpollEvent {
  readonly events: number;
  /** The number that was given at registration, usually the descriptor. */
  readonly data: number;
}

const cEpollCreate = bind<[number], number>("int epoll_create1(int flags)");
const cEpollControl = bind<[number, number, number, Uint8Array], number>(
  "int epoll_ctl(int epoll, int operation, int fd, void *event)",
);
const waitPrototype = "int epoll_wait(int epoll, void *events, int count, int timeout)";
const cEpollWait = bind<[number, Uint8Array, number, number], number>(waitPrototype);
const cEpollWaitAsync = bindAsync<[number, Uint8Array, number, number]>(waitPrototype);

/** epoll_create1(2), closed on exec. Returns the descriptor. */
export function epollCreate(): number {
  return check(cEpollCreate(0o2000000), "epoll_create1");
}

/** epoll_ctl(2). `data` comes back with each event; default: the descriptor. */
export function epollControl(epoll: number, operation: number, fd: number, events: number, data = fd): void {
  const event = new Uint8Array(EVENT_SIZE);
  const view = new DataView(event.buffer);
  view.setUint32(0, events >>> 0, true);
  view.setUint32(EVENT_DATA, data, true);
  check(cEpollControl(epoll, operation, fd, event), "epoll_ctl", { attempted: `descriptor ${fd}` });
}

/** epoll_wait(2): blocks this thread for at most `timeout` milliseconds. An interrupted wait has no events. */
export function epollWait(epoll: number, timeout: number, count = 64): EpollEvent[] {
  const events = new Uint8Array(EVENT_SIZE * count);
  const found = cEpollWait(epoll, events, count, timeout);
  return decodeEvents(events, found === -1 ? -lastErrno() : found);
}

/**
 * epoll_wait(2) on another thread. Give a `timeout` (milliseconds) of a second or so and call again: while a
 * thread waits, process.exit() waits for it, too. To end a wait early, register an eventfd and write to it.
 */
export async function epollWaitAsync(epoll: number, timeout: number, count = 64): Promise<EpollEvent[]> {
  const events = new Uint8Array(EVENT_SIZE * count);
  return decodeEvents(events, await cEpollWaitAsync(epoll, events, count, timeout));
}

function decodeEvents(bytes: Uint8Array, found: number): EpollEvent[] {
  if (found === -4) return [];
  if (found < 0) throw new SystemError("epoll_wait", -found);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: found }, (_, index) => ({
    events: view.getUint32(index * EVENT_SIZE, true),
    data: view.getUint32(index * EVENT_SIZE + EVENT_DATA, true),
  }));
}

const cEventfd = bind<[number, number], number>("int eventfd(unsigned int initial, int flags)");

/** eventfd(2), non-blocking, closed on exec: a descriptor to wake an epoll wait with. */
export function eventfd(): number {
  return check(cEventfd(0, 0o2000000 | 0o4000), "eventfd");
}
