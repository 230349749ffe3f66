import { bpf, SystemError, tryBpf } from "../../linux/index.ts";
import type { Attachment, Direction } from "./attachment.ts";
import { ForeignPinError, MissingFeatureError } from "./errors.ts";
import { type LinkInfo, linkInfo } from "./info.ts";
import type { LoadedProgram } from "./loaded-program.ts";
import {
  ATTACH_TYPE,
  linkCreateAttribute,
  linkDetachAttribute,
  linkUpdateAttribute,
  programQueryAttribute,
  QUERY_COUNT_OFFSET,
} from "./object-attributes.ts";
import { openPin } from "./open-pin.ts";
import { Pinned } from "./pinned.ts";

const ATTACH: { readonly [D in Direction]: number } = {
  ingress: ATTACH_TYPE.tcxIngress,
  egress: ATTACH_TYPE.tcxEgress,
};
/** enum bpf_link_type. */
const LINK_TYPE_TCX = 11;

const EINVAL = 22;
const ENODEV = 19;

/**
 * A program at an interface, held by a descriptor or a pin: when the last of both is gone, the program no longer
 * runs there.
 */
export class TcxLink extends Pinned implements Attachment {
  /** Takes the descriptor over. Use attachTcx or openLink. */
  constructor(fd: number, what = "link") {
    super(fd, what);
  }

  /** What the kernel says of it; `ifindex` is 0 once the interface is gone. */
  info(): LinkInfo {
    return linkInfo(this.fd);
  }

  programId(): number | undefined {
    const { programId, ifindex } = this.info();
    return ifindex === 0 ? undefined : programId;
  }

  update(program: LoadedProgram): void {
    bpf("BPF_LINK_UPDATE", linkUpdateAttribute(this.fd, program.fd).bytes, {
      attempted: `to program ${program.name}`,
    });
  }

  /** As in {@link Attachment}, whatever pins there are; the link then stays behind without an interface. */
  detach(): void {
    bpf("BPF_LINK_DETACH", linkDetachAttribute(this.fd).bytes);
  }
}

export interface AttachOptions {
  /** Default "ingress". */
  readonly direction?: Direction;
  /** Pin the link here at once; if that fails, nothing is attached. */
  readonly pin?: string;
}

/**
 * Runs a program on each packet of an interface of this network namespace, after the programs that are there
 * (tcx, Linux ≥ 6.6).
 *
 * Throws {@link MissingFeatureError} on older kernels, SystemError (ENODEV: no such interface).
 */
export function attachTcx(program: LoadedProgram, ifindex: number, options: AttachOptions = {}): TcxLink {
  const { direction = "ingress", pin } = options;
  const fd = tryBpf("BPF_LINK_CREATE", linkCreateAttribute(program.fd, ifindex, ATTACH[direction]).bytes);
  if (fd === -EINVAL)
    throw new MissingFeatureError("tcxLinks", "attaching by link needs Linux 6.6; use clsact");
  if (fd < 0) {
    const advice = fd === -ENODEV ? { advice: "there is no such interface in this network namespace" } : {};
    const attempted = `program ${program.name} at ${direction} of interface ${ifindex}`;
    throw new SystemError("BPF_LINK_CREATE", -fd, { attempted, ...advice });
  }
  const link = new TcxLink(fd, `link of ${program.name} at interface ${ifindex}`);
  if (pin === undefined) return link;
  try {
    link.pin(pin);
  } catch (error) {
    link.close();
    throw error;
  }
  return link;
}

/**
 * The tcx link that is pinned at `path`, null if nothing is. Throws ForeignPinError if it is no link, or one of
 * another kind.
 */
export function openLink(path: string): TcxLink | null {
  const fd = openPin(path, "link");
  if (fd === null) return null;
  const link = new TcxLink(fd, `link ${path}`);
  const { type } = link.info();
  if (type === LINK_TYPE_TCX) return link;
  link.close();
  throw new ForeignPinError(path, "a tcx link", [
    { field: "link type", expected: String(LINK_TYPE_TCX), found: String(type) },
  ]);
}

/** A program at an interface, as {@link queryTcx} finds it. */
export interface AttachedProgram {
  readonly programId: number;
  /** 0 for a program that was attached without a link. */
  readonly linkId: number;
}

/** The programs at an interface in the order in which they run. Throws SystemError; EINVAL before Linux 6.6. */
export function queryTcx(ifindex: number, direction: Direction = "ingress"): AttachedProgram[] {
  const attempted = `${direction} of interface ${ifindex}`;
  for (let room = 16; ; room *= 2) {
    const programs = new Uint32Array(room);
    const links = new Uint32Array(room);
    const attribute = programQueryAttribute({
      ifindex,
      attachType: ATTACH[direction],
      programIds: new Uint8Array(programs.buffer),
      linkIds: new Uint8Array(links.buffer),
    });
    const result = tryBpf("BPF_PROG_QUERY", attribute.bytes);
    const count = attribute.readU32(QUERY_COUNT_OFFSET);
    if (result < 0 && count > room) continue;
    // No programs at all: the interface has no list yet.
    if (result < 0) throw new SystemError("BPF_PROG_QUERY", -result, { attempted });
    return Array.from({ length: count }, (_, index) => ({
      programId: programs[index]!,
      linkId: links[index]!,
    }));
  }
}
