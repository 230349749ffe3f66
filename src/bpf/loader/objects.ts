/** What is loaded in the whole machine, by the numbers that the kernel gives: for status pages and tests. */
import { bpf, hasCode, tryBpf } from "../../linux/index.ts";
import { programInfo } from "./info.ts";
import { LoadedProgram, programType } from "./loaded-program.ts";
import { byIdAttribute, NEXT_ID_OFFSET, nextIdAttribute } from "./object-attributes.ts";
import { TcxLink } from "./tcx.ts";

const NEXT = {
  program: "BPF_PROG_GET_NEXT_ID",
  map: "BPF_MAP_GET_NEXT_ID",
  link: "BPF_LINK_GET_NEXT_ID",
} as const;

/** The numbers of all objects of a kind, in ascending order. */
export function* objectIds(kind: keyof typeof NEXT): Generator<number> {
  let id = 0;
  for (;;) {
    const attribute = nextIdAttribute(id);
    if (tryBpf(NEXT[kind], attribute.bytes) < 0) return;
    id = attribute.readU32(NEXT_ID_OFFSET);
    yield id;
  }
}

/** The program of this number, null if it is gone. */
export function programById(id: number): LoadedProgram | null {
  const fd = byId("BPF_PROG_GET_FD_BY_ID", id, "program");
  if (fd === null) return null;
  const { name, type } = programInfo(fd);
  return new LoadedProgram(fd, name, programType(type));
}

/** The link of this number, null if it is gone. */
export function linkById(id: number): TcxLink | null {
  const fd = byId("BPF_LINK_GET_FD_BY_ID", id, "link");
  return fd === null ? null : new TcxLink(fd, `link ${id}`);
}

function byId(
  command: "BPF_PROG_GET_FD_BY_ID" | "BPF_LINK_GET_FD_BY_ID",
  id: number,
  what: string,
): number | null {
  try {
    return bpf(command, byIdAttribute(id).bytes, { attempted: `${what} ${id}` });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}
