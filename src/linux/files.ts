import { SystemError } from "./errno.ts";
import { bind, check, checkRestarting, lastErrno, type Memory } from "./libc.ts";

/** Flags of open(2), openat(2). Those that differ between x86_64 and arm64 are chosen when this is loaded. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  NONBLOCK: 0o4000,
  DIRECTORY: process.arch === "arm64" ? 0o40000 : 0o200000,
  NOFOLLOW: process.arch === "arm64" ? 0o100000 : 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** Flags of mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  BIND: 4096,
  REC: 16384,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;

/** umount2(2): let go of the mount now, clean up when its last user is gone. */
export const MNT_DETACH = 2;

const cOpen = bind<[string, number, number], number>("int open(const char *path, int flags, int mode)");
const cOpenat = bind<[number, string, number, number], number>(
  "int openat(int directory, const char *path, int flags, int mode)",
);
const cClose = bind<[number], number>("int close(int fd)");
const cIoctl = bind<[number, number, Memory], number>(
  "int ioctl(int fd, unsigned long request, void *argument)",
);
const cFlock = bind<[number, number], number>("int flock(int fd, int operation)");
const cMount = bind<[string, string, string, number, string | null], number>(
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
);
const cUmount = bind<[string, number], number>("int umount2(const char *target, int flags)");
const cFchdir = bind<[number], number>("int fchdir(int fd)");
const cChroot = bind<[string], number>("int chroot(const char *path)");

/** open(2). The descriptor is closed on exec. Returns it. */
export function open(path: string, flags: number, mode = 0): number {
  return checkRestarting(() => cOpen(path, flags | O.CLOEXEC, mode), "open", { attempted: path });
}

/** openat(2), relative to the directory `directory`. The descriptor is closed on exec. Returns it. */
export function openat(directory: number, path: string, flags: number, mode = 0): number {
  return checkRestarting(() => cOpenat(directory, path, flags | O.CLOEXEC, mode), "openat", {
    attempted: path,
  });
}

/** close(2). An interrupted close has closed on Linux. */
export function close(fd: number): void {
  if (cClose(fd) === 0) return;
  const errno = lastErrno();
  if (errno !== 4) throw new SystemError("close", errno, { attempted: `descriptor ${fd}` });
}

/** ioctl(2); `name` is what the error calls it ("SIOCGIFINDEX"). Returns the call's result. */
export function ioctl(
  fd: number,
  request: number,
  argument: Memory,
  name: string,
  attempted?: string,
): number {
  return checkRestarting(() => cIoctl(fd, request, argument), `ioctl ${name}`, { attempted });
}

/** Operations of flock(2). */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** flock(2). Throws EAGAIN with LOCK.NB when another open file holds the lock. */
export function flock(fd: number, operation: number, attempted?: string): void {
  checkRestarting(() => cFlock(fd, operation), "flock", { attempted });
}

/** mount(2). */
export function mount(source: string, target: string, type: string, flags: number, data?: string): void {
  const attempted = flags & MS.BIND ? `${source} on ${target}` : `${type} on ${target}`;
  const advice = "mounting needs root (CAP_SYS_ADMIN)";
  check(cMount(source, target, type, flags, data ?? null), "mount", {
    attempted,
    ...(process.getuid?.() === 0 ? {} : { advice }),
  });
}

/** umount2(2). */
export function umount(target: string, flags = 0): void {
  check(cUmount(target, flags), "umount", { attempted: target });
}

/** fchdir(2): the directory of an open descriptor becomes the working directory. */
export function fchdir(fd: number): void {
  check(cFchdir(fd), "fchdir", { attempted: `descriptor ${fd}` });
}

/** chroot(2). */
export function chroot(path: string): void {
  check(cChroot(path), "chroot", { attempted: path });
}
