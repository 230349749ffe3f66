import { SystemError } from "./errno.ts";
import { bind, check, lastErrno, memoryAt } from "./libc.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
/** What mmap returns on failure: (void *)-1. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const cMmap = bind<[null, number, number, number, number, number], bigint>(
  "void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)",
);
const cMunmap = bind<[bigint, number], number>("int munmap(uintptr_t address, size_t length)");

/** Addresses of live mappings, to find them again by their buffer. */
const mappings = new WeakMap<ArrayBuffer, bigint>();

/** How {@link mmapFile} maps. */
export interface MapOptions {
  /** Whether the memory may be written. Default: false; then writing to it ends the process. */
  readonly write?: boolean;
  /** Where in the file the mapping begins, in bytes, a multiple of the page size. Default: 0. */
  readonly offset?: number;
}

/** Maps `length` bytes of the file (or BPF map) `fd`, shared. Free it with {@link munmapFile}. */
export function mmapFile(fd: number, length: number, options: MapOptions = {}): ArrayBuffer {
  const protection = options.write ? PROT_READ | PROT_WRITE : PROT_READ;
  const address = cMmap(null, length, protection, MAP_SHARED, fd, options.offset ?? 0);
  if (address === MAP_FAILED) {
    throw new SystemError("mmap", lastErrno(), { attempted: `${length} bytes of descriptor ${fd}` });
  }
  const buffer = memoryAt(address, length);
  mappings.set(buffer, address);
  return buffer;
}

/** Undoes {@link mmapFile}. Touching the buffer or a view of it afterwards ends the process. */
export function munmapFile(buffer: ArrayBuffer): void {
  const address = mappings.get(buffer);
  if (address === undefined) throw new TypeError("this buffer is not a mapping, or was unmapped already");
  mappings.delete(buffer);
  check(cMunmap(address, buffer.byteLength), "munmap");
}

const cSysconf = bind<[number], number>("long sysconf(int name)");
let pageBytes: number | undefined;

/** The size of a memory page, in bytes (4096 on x86_64; 4096, 16384 or 65536 on arm64). */
export function pageSize(): number {
  pageBytes ??= cSysconf(30);
  return pageBytes;
}
