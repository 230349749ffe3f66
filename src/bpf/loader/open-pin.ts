import { readlinkSync } from "node:fs";
import { bpf, close, hasCode } from "../../linux/index.ts";
import { ForeignPinError } from "./errors.ts";
import { openPinAttribute } from "./object-attributes.ts";

/** What a descriptor of the bpf system call may stand for, as /proc/self/fd shows it. */
const OBJECTS = {
  "bpf-map": "map",
  "bpf-prog": "program",
  "bpf-link": "link",
  bpf_link: "link",
} as const;
export type ObjectKind = (typeof OBJECTS)[keyof typeof OBJECTS];

/**
 * The descriptor of what is pinned at `path`, null if nothing is. Throws {@link ForeignPinError} if it is no
 * object of the kind `expected`, SystemError if it cannot be opened.
 */
export function openPin(path: string, expected: ObjectKind): number | null {
  let fd: number;
  try {
    fd = bpf("BPF_OBJ_GET", openPinAttribute(path).bytes, { attempted: path });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  const found = objectKind(fd);
  if (found === expected) return fd;
  close(fd);
  throw new ForeignPinError(path, `a ${expected}`, [{ field: "kind", expected, found }]);
}

function objectKind(fd: number): string {
  const target = readlinkSync(`/proc/self/fd/${fd}`);
  const name = /^anon_inode:\[?([\w-]+)\]?$/.exec(target)?.[1] ?? target;
  return OBJECTS[name as keyof typeof OBJECTS] ?? name;
}
