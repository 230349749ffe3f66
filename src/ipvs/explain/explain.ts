/** Explains a packet to the director of the calling thread's network namespace. */
import {
  type Link,
  listLinks,
  lookUpRoute,
  type Route,
  RTN,
  SystemError,
  withRouteSocket,
} from "../../linux/index.ts";
import { formatIp, type IpAddress } from "../../net/index.ts";
import { NoInterfaceError } from "../director/interfaces.ts";
import { requireRoot } from "../director/kernel-administration.ts";
import { NamespaceState, type Present } from "../director/namespace-state.ts";
import { choosePlaces, type DirectorOptions } from "../director/places.ts";
import { isOfSource, parseProgramName } from "../director/program-options.ts";
import { sourceHash } from "../director/sources.ts";
import { fromSystem } from "../director/system-errors.ts";
import { IpvsError, RequestError } from "../errors.ts";
import type { Needs } from "../plane.ts";
import { Explainer } from "./explainer.ts";
import type { Explanation } from "./model.ts";
import { buildPacket, type FlagName, frameOf, type PacketRequest } from "./packet.ts";
import { describeFrame, isOfNoHost } from "./packet-facts.ts";
import { ownPacket, unattached } from "./told.ts";

/** A packet that is asked about, and how it comes in. */
export interface ExplainRequest extends Omit<PacketRequest, "flags"> {
  /** Null: ACK, if it then belongs to a connection, else SYN. */
  readonly flags: readonly FlagName[] | null;
  /** Name of the interface; null: the one that the way back to the source leads out of, none for what this host sends elsewhere. */
  readonly interface: string | null;
  /** Hardware address that the frame is sent to; null: the interface's own. */
  readonly mac: Uint8Array | null;
  readonly mark: number;
}

/** It is not known by which interface a packet comes in. */
export class NoWayBackError extends RequestError {
  override readonly name = "NoWayBackError";
  readonly code = "NO_WAY_BACK";

  constructor(source: IpAddress) {
    super(
      `there is no route to ${formatIp(source)}, so say by which interface the packet comes in: --iface IF`,
    );
  }
}

/**
 * What would become of a packet that came in now. Nothing of the director changes, and no packet is sent.
 *
 * @throws IpvsError EPERM without root; EIO if the state is unusable, or its programs are another version's
 * @throws NoInterfaceError, NoWayBackError, PacketLengthError
 */
export function explainPacket(request: ExplainRequest, options: DirectorOptions = {}): Explanation {
  const choices = request.flags === null ? (["ACK", "SYN"] as const).map((flag) => [flag]) : [request.flags];
  const packets = choices.map((flags) => buildPacket({ ...request, flags }));
  requireRoot();
  return fromSystem("open", () => {
    const places = choosePlaces(options);
    const links = withRouteSocket(listLinks);
    if (request.interface === null && isOwn(request)) {
      const out = wayTo(request.destination.address, links);
      const link = out ?? chooseLink({ ...request, interface: "lo" }, links);
      const frame = frameOf(packets.at(-1)!, link, request.mac);
      return ownPacket(describeFrame(frame, link, request.mark), out?.name ?? null);
    }
    const link = chooseLink(request, links);
    const frames = packets.map((packet) => frameOf(packet, link, request.mac));
    const state = new NamespaceState(places);
    try {
      return state.read((present) => {
        const needs = present === null ? null : needsOf(present);
        if (present === null || needs === null) {
          const here = present?.datapath.interfaces.status().find(({ index }) => index === link.index);
          const why =
            here?.excluded ??
            "nothing is configured in this network namespace: the first service attaches the datapath";
          const frame = frames.at(-1)!;
          const packet = describeFrame(frame, link, request.mark);
          return unattached(packet, frame, link, {
            step: "interface",
            name: link.name,
            attached: false,
            why,
          });
        }
        const explainer = new Explainer(present, needs, places.cacheDirectory);
        try {
          return firstKnown(explainer, frames, link, request.mark);
        } finally {
          explainer.close();
        }
      });
    } finally {
      state.close();
    }
  });
}

/** Of several packets the first that belongs to a connection, else the last. */
function firstKnown(
  explainer: Explainer,
  frames: readonly Uint8Array[],
  link: Link,
  mark: number,
): Explanation {
  const isKnown = ({ steps }: Explanation) => steps.some(({ step }) => step === "connection");
  for (const frame of frames.slice(0, -1)) {
    const explanation = explainer.explain({ frame, interface: link.name, mark });
    if (isKnown(explanation)) return explanation;
  }
  return explainer.explain({ frame: frames.at(-1)!, interface: link.name, mark });
}

function chooseLink(request: ExplainRequest, links: readonly Link[]): Link {
  const name = request.interface ?? wayBackTo(request.source.address, links);
  const link = links.find((each) => each.name === name);
  if (link === undefined) throw new NoInterfaceError(name, links);
  return link;
}

/** Whether this host sends a packet itself, to an address that is not its own: else its own come in by loopback. */
function isOwn({ source, destination }: ExplainRequest): boolean {
  return !isOfNoHost(source.address) && isHosts(source.address) && !isHosts(destination.address);
}

function isHosts(address: IpAddress): boolean {
  return routeTo(address)?.type === RTN.LOCAL;
}

function wayBackTo(source: IpAddress, links: readonly Link[]): string {
  if (isHosts(source)) return "lo";
  const found = wayTo(source, links);
  if (found === null) throw new NoWayBackError(source);
  return found.name;
}

/** The interface that the host's own packets to an address leave by; null: there is no way. */
function wayTo(address: IpAddress, links: readonly Link[]): Link | null {
  const out = routeTo(address)?.link;
  return links.find(({ index }) => index === out) ?? null;
}

/** Null: there is none. */
function routeTo(address: IpAddress): Route | null {
  try {
    return withRouteSocket((socket) => lookUpRoute(socket, address));
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}

/** What the programs that run are made for; null: there are none yet. */
export function needsOf({ datapath }: Present): Needs | null {
  const program = datapath.open();
  if (program === null) return null;
  const { name } = program;
  program.close();
  const identity = parseProgramName(name);
  if (identity !== undefined && isOfSource(identity, sourceHash())) return identity.needs;
  throw new IpvsError("EIO", {
    operation: "open",
    message:
      "the programs at the interfaces are of another version of lvs, which this one cannot speak for; `lvs attach`, or any change by ipvsadm, replaces them",
  });
}
