import { createRequire } from "node:module";
import { SystemError, type SystemErrorDetails } from "./errno.ts";

/**
 * The C library of this process, through koffi. koffi is loaded by the first call that needs it, never by an
 * import: a command that only prints its help does not pay the 10 ms.
 *
 * Everything here is synchronous and runs on the calling thread, which is what namespaces ask for.
 */

/** Memory that a call may read or write: a view, an ArrayBuffer, an address, or NULL. */
export type Memory = Uint8Array | ArrayBuffer | bigint | null;

/** A foreign function: numbers, strings (NUL-terminated UTF-8) and memory in, a number or an address out. */
type ForeignFunction = ((...args: readonly unknown[]) => unknown) & {
  async(...args: readonly unknown[]): void;
};

interface Koffi {
  load(path: string | null): { func(prototype: string): ForeignFunction };
  address(value: unknown): bigint;
  view(address: bigint, length: number): ArrayBuffer;
  errno(): number;
}

let koffi: Koffi | undefined;
let library: ReturnType<Koffi["load"]> | undefined;

function loadKoffi(): Koffi {
  if (koffi === undefined) {
    try {
      koffi = createRequire(import.meta.url)("koffi") as Koffi;
    } catch (cause) {
      const machine = `${process.platform}-${process.arch}`;
      throw new Error(
        `cannot load koffi, which makes system calls, on ${machine}; run \`npm install\` again`,
        {
          cause,
        },
      );
    }
  }
  return koffi;
}

/** A C function by its prototype, found in the C library at its first call. */
export function bind<Arguments extends readonly unknown[], Result>(
  prototype: string,
): (...args: Arguments) => Result {
  let bound: ForeignFunction | undefined;
  return (...args) => {
    bound ??= foreign(prototype);
    return bound(...args) as Result;
  };
}

/** As {@link bind}, run on a thread of koffi's; resolves to the result, or to minus the errno on -1. */
export function bindAsync<Arguments extends readonly unknown[]>(
  prototype: string,
): (...args: Arguments) => Promise<number> {
  let bound: ForeignFunction | undefined;
  return (...args) => {
    bound ??= foreign(prototype);
    const start = bound.async;
    return new Promise((resolve, reject) => {
      start(...args, (error: Error | null, result: number) => {
        if (error !== null) reject(error);
        else resolve(result === -1 ? -lastErrno() : result);
      });
    });
  };
}

function foreign(prototype: string): ForeignFunction {
  library ??= loadKoffi().load(null);
  return library.func(prototype);
}

/** The errno that the last failed call on this thread left. */
export function lastErrno(): number {
  return loadKoffi().errno();
}

/**
 * The address of a buffer's first byte, for structures that hold pointers. It stays valid as long as the buffer
 * is reachable: keep a reference until the call has returned.
 */
export function addressOf(buffer: Uint8Array | ArrayBuffer): bigint {
  return loadKoffi().address(buffer);
}

/** The `length` bytes at `address` as an ArrayBuffer, without a copy. Reading freed memory ends the process. */
export function memoryAt(address: bigint, length: number): ArrayBuffer {
  return loadKoffi().view(address, length);
}

/** Returns `result` unless it is negative; then throws the {@link SystemError} of the current errno. */
export function check(result: number, syscall: string, details?: SystemErrorDetails): number {
  if (result < 0) throw new SystemError(syscall, lastErrno(), details);
  return result;
}

/** As {@link check}, for calls that a signal may interrupt: repeats while errno is EINTR. */
export function checkRestarting(call: () => number, syscall: string, details?: SystemErrorDetails): number {
  for (;;) {
    const result = call();
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== 4) throw new SystemError(syscall, errno, details);
  }
}

/** Numbers of the system calls that the C library has no function for, on x86_64 and on arm64. */
const SYSCALL_NUMBERS = {
  bpf: { x64: 321, arm64: 280 },
  pidfd_open: { x64: 434, arm64: 434 },
} as const;

/** A system call that {@link rawSyscall} knows by name. */
export type SyscallName = keyof typeof SYSCALL_NUMBERS;

const syscallFunction = bind<[number, number, Memory, number], number>(
  "long syscall(long number, long a, void *b, long c)",
);

/** A system call by name, with an integer, a pointer and an integer. Returns -1 on failure: see lastErrno. */
export function rawSyscall(name: SyscallName, a: number, b: Memory, c: number): number {
  return syscallFunction(syscallNumber(name), a, b, c);
}

function syscallNumber(name: SyscallName): number {
  if (process.platform !== "linux") throw new Error(`this needs Linux; this is ${process.platform}`);
  if (process.arch === "x64" || process.arch === "arm64") return SYSCALL_NUMBERS[name][process.arch];
  throw new Error(`${process.arch} processors are not supported; x86_64 and arm64 are`);
}
