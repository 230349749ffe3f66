import { SystemError } from "./errno.ts";
import { lastErrno, rawSyscall } from "./libc.ts";

/** Commands of bpf(2): include/uapi/linux/bpf.h, enum bpf_cmd. */
export const BPF_COMMANDS = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_ATTACH: 8,
  BPF_PROG_DETACH: 9,
  BPF_PROG_TEST_RUN: 10,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_PROG_GET_FD_BY_ID: 13,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_PROG_QUERY: 16,
  BPF_RAW_TRACEPOINT_OPEN: 17,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_TASK_FD_QUERY: 20,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: 21,
  BPF_MAP_FREEZE: 22,
  BPF_BTF_GET_NEXT_ID: 23,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: 25,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_MAP_DELETE_BATCH: 27,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_LINK_GET_FD_BY_ID: 30,
  BPF_LINK_GET_NEXT_ID: 31,
  BPF_ENABLE_STATS: 32,
  BPF_ITER_CREATE: 33,
  BPF_LINK_DETACH: 34,
  BPF_PROG_BIND_MAP: 35,
  BPF_TOKEN_CREATE: 36,
} as const;

/** The name of a bpf(2) command. */
export type BpfCommand = keyof typeof BPF_COMMANDS;

/** What to say besides the command and the errno when a bpf call fails. */
export interface BpfCallContext {
  readonly attempted?: string;
  readonly advice?: string;
}

/** Loading gives EAGAIN when a signal arrives while the verifier works; it is then to be tried again. */
const LOAD_ATTEMPTS = 5;

/**
 * bpf(2). `attribute` is the command's part of union bpf_attr, in native byte order, with pointers filled in by
 * addressOf; the kernel writes answers into it. Returns the call's result (a descriptor, or 0).
 *
 * Throws {@link SystemError} with the command's name as `syscall`.
 */
export function bpf(command: BpfCommand, attribute: Uint8Array, context: BpfCallContext = {}): number {
  const errno = tryBpf(command, attribute);
  if (errno >= 0) return errno;
  throw new SystemError(command, -errno, {
    attempted: context.attempted,
    advice: context.advice ?? defaultAdvice(-errno),
  });
}

/** As {@link bpf}, but returns minus the errno on failure, for errors that are answers (ENOENT of a look-up). */
export function tryBpf(command: BpfCommand, attribute: Uint8Array): number {
  for (let attempt = 1; ; attempt++) {
    const result = rawSyscall("bpf", BPF_COMMANDS[command], attribute, attribute.byteLength);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== 11 || command !== "BPF_PROG_LOAD" || attempt === LOAD_ATTEMPTS) return -errno;
  }
}

function defaultAdvice(errno: number): string | undefined {
  if (errno === 1) return "bpf needs root (CAP_BPF and CAP_NET_ADMIN)";
  if (errno === 38) return "this kernel was built without CONFIG_BPF_SYSCALL";
  return undefined;
}
