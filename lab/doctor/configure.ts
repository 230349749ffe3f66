/** Changes of the director and its configuration, each with what takes it back. */
import type { Destination, ServiceKey, VirtualService } from "../../src/ipvs/index.ts";
import { addRoute, deleteRoute } from "../../src/linux/index.ts";
import { ip, prefix } from "../../src/net/index.ts";
import { configuring } from "./fault.ts";
import { type Family, type Method, PORT, SERVER_PORT, server, virtual } from "./plan.ts";
import type { Ward } from "./ward.ts";

export const key = (method: Method, family: Family = 4, port = PORT): ServiceKey => ({
  ...{ kind: "address", family, protocol: "tcp", address: virtual(family, method), port },
});
export const text = (method: Method, family: Family = 4): string =>
  `TCP ${family === 4 ? virtual(4, method) : `[${virtual(6, method)}]`}:${PORT}`;

export const to = (address: string, port: number, changes: Partial<Destination> = {}): Destination => ({
  family: address.includes(":") ? 6 : 4,
  ...{ address, port, method: "masquerade", tunnel: null, weight: 1, upperThreshold: 0, lowerThreshold: 0 },
  ...changes,
});
const service = (of: ServiceKey, changes: Partial<VirtualService> = {}): VirtualService => ({
  ...{ key: of, scheduler: "rr", schedulerFlags: 0, persistence: null, engine: null },
  ...{ onePacket: false, clientAddress: "hidden" },
  ...changes,
});

/** Gives the NAT service a second server. */
export const alsoTo = (destination: Destination) =>
  configuring(
    (director) => director.addDestination(key("nat"), destination),
    (director) => director.deleteDestination(key("nat"), destination),
  );
/** Changes its one server. */
export const changed = (changes: Partial<Destination>) => {
  const own = to(server(4, "nat"), SERVER_PORT);
  return configuring(
    (director) => director.editDestination(key("nat"), { ...own, ...changes }),
    (director) => director.editDestination(key("nat"), own),
  );
};
export const another = (
  of: ServiceKey,
  servers: readonly Destination[] = [],
  changes: Partial<VirtualService> = {},
) =>
  configuring(
    (director) => {
      director.addService(service(of, changes));
      for (const each of servers) director.addDestination(of, each);
    },
    (director) => director.deleteService(of),
  );
export const routed = (address: string, via: string) => (ward: Ward) => {
  const route = { to: prefix(address), via: ip(via) };
  ward.network("director", (socket) => addRoute(socket, route));
  return () => ward.network("director", (socket) => deleteRoute(socket, route));
};

export const vip = (method: Method, family: Family = 4): string =>
  `${virtual(family, method)}/${family === 4 ? 32 : 128}`;
