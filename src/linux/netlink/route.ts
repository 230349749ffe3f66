import { formatIp, formatPrefix, type IpAddress, type Prefix } from "../../net/index.ts";
import { SystemError } from "../errno.ts";
import { AF } from "../sockets.ts";
import { familyOf, RT_SCOPE } from "./address.ts";
import { type Attribute, AttributeSet, attribute } from "./attribute.ts";
import { linkIndex, RTM } from "./link.ts";
import { type NetlinkMessage, NLM_F } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, METRICS: 8, TABLE: 15, MARK: 16 } as const;
/** Attributes inside RTA.METRICS. */
const RTAX = { MTU: 2, ADVMSS: 8 } as const;

/** Routing tables: rtnetlink(7). */
export const RT_TABLE = { MAIN: 254, LOCAL: 255 } as const;
/** What a route does with packets: rtnetlink(7). */
export const RTN = {
  UNICAST: 1,
  LOCAL: 2,
  BROADCAST: 3,
  MULTICAST: 5,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
} as const;

const RTPROT_BOOT = 3;

/** A route to add, or to match for deletion. */
export interface RouteSettings {
  /** Where to; undefined: everywhere (the default route), then a gateway or `version` says of which IP. */
  readonly to?: Prefix;
  readonly via?: IpAddress;
  /** The link, by name or index. Default: the one through which `via` is reached. */
  readonly link?: string | number;
  /** The source address for packets of this machine. */
  readonly source?: IpAddress;
  readonly metric?: number;
  /** Default: RT_TABLE.MAIN. */
  readonly table?: number;
  /** See {@link RTN}. Default: RTN.UNICAST. */
  readonly type?: number;
  /** For a default route without gateway: 4 or 6. Default: 4. */
  readonly version?: 4 | 6;
}

/** A route of the kernel's tables. */
export interface Route {
  readonly version: 4 | 6;
  /** Undefined: the default route. */
  readonly to: Prefix | undefined;
  readonly via: IpAddress | undefined;
  /** The link's index; undefined for routes without one, and for those with several next hops. */
  readonly link: number | undefined;
  readonly source: IpAddress | undefined;
  readonly metric: number;
  readonly table: number;
  readonly type: number;
  /** See RT_SCOPE. */
  readonly scope: number;
  /** RTPROT_ value: who made it (2: the kernel, 3: boot, 4: administrator). */
  readonly protocol: number;
  /** The route's own MTU, bytes, or of one that was looked up the path's as far as it is known; undefined: the link's. */
  readonly mtu: number | undefined;
  /** The segment size that TCP tells peers behind this route; undefined: as the MTU says. */
  readonly advertisedMss: number | undefined;
}

/*
 * struct rtmsg:  0  family   1  destination length   2  source length   3  type of service   4  table
 *                5  protocol   6  scope   7  type   8  flags (4)
 */
function routeHeader(fields: readonly number[]): Uint8Array {
  const header = new Uint8Array(12);
  header.set(fields);
  return header;
}

/** Adds a route. Throws EEXIST if there is one to the same prefix with the same metric. */
export function addRoute(socket: NetlinkSocket, route: RouteSettings): void {
  change(socket, route, RTM.NEWROUTE, NLM_F.CREATE | NLM_F.EXCL, "add");
}

/** Adds a route in place of the one to the same prefix with the same metric, if any. */
export function replaceRoute(socket: NetlinkSocket, route: RouteSettings): void {
  change(socket, route, RTM.NEWROUTE, NLM_F.CREATE | NLM_F.REPLACE, "replace");
}

/** Deletes a route. Throws ESRCH if there is none. */
export function deleteRoute(socket: NetlinkSocket, route: RouteSettings): void {
  change(socket, route, RTM.DELROUTE, 0, "delete");
}

function change(
  socket: NetlinkSocket,
  route: RouteSettings,
  type: number,
  flags: number,
  verb: string,
): void {
  const { to, via, link, source, metric, table = RT_TABLE.MAIN } = route;
  const sample = to?.address ?? via ?? source;
  const family = sample === undefined ? (route.version === 6 ? AF.INET6 : AF.INET) : familyOf(sample);
  const deleting = type === RTM.DELROUTE;
  const routeType = route.type ?? (deleting ? 0 : RTN.UNICAST);
  const direct = via === undefined && (routeType === RTN.UNICAST || routeType === RTN.BROADCAST);
  const near = direct && family === AF.INET ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE;
  const scope = deleting ? RT_SCOPE.NOWHERE : routeType === RTN.LOCAL ? RT_SCOPE.HOST : near;
  const attributes: Attribute[] = [attribute.u32(RTA.TABLE, table)];
  if (to !== undefined) attributes.push(attribute.bytes(RTA.DST, to.address));
  if (via !== undefined) attributes.push(attribute.bytes(RTA.GATEWAY, via));
  if (link !== undefined) attributes.push(attribute.u32(RTA.OIF, linkIndex(socket, link)));
  if (source !== undefined) attributes.push(attribute.bytes(RTA.PREFSRC, source));
  if (metric !== undefined) attributes.push(attribute.u32(RTA.PRIORITY, metric));
  const protocol = deleting ? 0 : RTPROT_BOOT;
  const lowTable = table < 256 ? table : 0;
  socket.request({
    type,
    flags,
    header: routeHeader([family, to?.length ?? 0, 0, 0, lowTable, protocol, scope, routeType]),
    attributes,
    name: `${verb} route to ${describe(to)}${via === undefined ? "" : ` via ${formatIp(via)}`}`,
    advice: {
      ENETUNREACH:
        "no interface of this namespace is up with an address through which the gateway is reached",
    },
  });
}

function describe(to: Prefix | undefined): string {
  return to === undefined ? "everywhere" : formatPrefix(to);
}

/**
 * All routes of one version of IP (default: both) and one table (default: main; 0: all). The kernel sends those of that table only: a
 * host may have a million others.
 */
export function listRoutes(
  socket: NetlinkSocket,
  options: { readonly version?: 4 | 6; readonly table?: number } = {},
): Route[] {
  const { version, table = RT_TABLE.MAIN } = options;
  const families = version === undefined ? [AF.INET, AF.INET6] : [version === 4 ? AF.INET : AF.INET6];
  return families
    .flatMap((family) => dumpTable(socket, family, table))
    .filter(({ type }) => type === RTM.NEWROUTE)
    .map(decodeRoute)
    .filter((route) => table === 0 || route.table === table);
}

function dumpTable(socket: NetlinkSocket, family: number, table: number): NetlinkMessage[] {
  try {
    return socket.dump({
      type: RTM.GETROUTE,
      header: routeHeader([family]),
      attributes: table === 0 ? [] : [attribute.u32(RTA.TABLE, table)],
      name: "list routes",
    });
  } catch (error) {
    // A table comes into being with its first route.
    if (error instanceof SystemError && error.code === "ENOENT") return [];
    throw error;
  }
}

/** The route that a packet of this machine to `address` takes, as `ip route get` shows. */
export function lookUpRoute(socket: NetlinkSocket, address: IpAddress): Route {
  const [message] = socket.request({
    type: RTM.GETROUTE,
    header: routeHeader([familyOf(address), 8 * address.length]),
    attributes: [attribute.bytes(RTA.DST, address)],
    name: `look up the route to ${formatIp(address)}`,
  });
  return decodeRoute(message!);
}

/** The route of a NEWROUTE or DELROUTE message. */
export function decodeRoute({ payload }: NetlinkMessage): Route {
  const set = new AttributeSet(payload.subarray(12));
  const metrics = set.nested(RTA.METRICS);
  const destination = set.bytes(RTA.DST);
  const version = payload[0] === AF.INET ? 4 : 6;
  const length = payload[1]!;
  const address = destination ?? new Uint8Array(version === 4 ? 4 : 16);
  return {
    version,
    to: length === 0 ? undefined : { address, length },
    via: set.bytes(RTA.GATEWAY),
    link: set.u32(RTA.OIF),
    source: set.bytes(RTA.PREFSRC),
    metric: set.u32(RTA.PRIORITY) ?? 0,
    table: set.u32(RTA.TABLE) ?? payload[4]!,
    type: payload[7]!,
    scope: payload[6]!,
    protocol: payload[5]!,
    mtu: metrics?.u32(RTAX.MTU),
    advertisedMss: metrics?.u32(RTAX.ADVMSS),
  };
}
