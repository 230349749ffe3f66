/** Keys of services and servers as numbers: what tables are searched by. */

import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SERVICE_IPV4,
  SERVICE_IPV6,
  SERVICE_MARK,
} from "../../kernel/tables.ts";
import type { Family, Protocol, ServiceKey } from "../model.ts";
import { type AddressNumber, addressNumber, addressText, type NumberKey } from "./address.ts";

/** A virtual service, as `ServiceKey` of tables.ts has it. */
export interface ServiceIdentity {
  /** SERVICE_IPV4, SERVICE_IPV6, and with SERVICE_MARK for a service by firewall mark. */
  readonly kind: number;
  /** Of a service by mark: the mark. */
  readonly address: AddressNumber;
  readonly port: number;
  /** PROTOCOL_*; 0 for a service by mark. */
  readonly protocol: number;
}

/** Equal exactly for equal address and port: for IPv4 an exact integer below 2^48. */
export function endpointNumber(address: AddressNumber, port: number): NumberKey {
  return typeof address === "number" ? address * 0x10000 + port : (address << 16n) | BigInt(port);
}

/** As {@link endpointNumber}, for a protocol, too: for IPv4 an exact integer below 2^50. */
export function protocolEndpointNumber(address: AddressNumber, port: number, protocol: number): NumberKey {
  const endpoint = endpointNumber(address, port);
  const code = CODES.get(protocol) ?? 3;
  return typeof endpoint === "number" ? endpoint * 4 + code : (endpoint << 2n) | BigInt(code);
}

const CODES: ReadonlyMap<number, number> = new Map([
  [PROTOCOL_TCP, 0],
  [PROTOCOL_UDP, 1],
  [PROTOCOL_SCTP, 2],
]);

/** Equal exactly for equal services. */
export function serviceNumber({ kind, address, port, protocol }: ServiceIdentity): NumberKey {
  if ((kind & SERVICE_MARK) === 0) return protocolEndpointNumber(address, port, protocol);
  return protocolEndpointNumber(kind === SERVICE_MARK + SERVICE_IPV6 ? BigInt(address) : address, 0, 0);
}

export function serviceIdentity(key: ServiceKey): ServiceIdentity {
  const family = key.family === 6 ? SERVICE_IPV6 : SERVICE_IPV4;
  if (key.kind === "mark") return { kind: family | SERVICE_MARK, address: key.mark, port: 0, protocol: 0 };
  const protocol = PROTOCOLS[key.protocol];
  return { kind: family, address: addressNumber(key.address), port: key.port, protocol };
}

export function serviceKeyOf({ kind, address, port, protocol }: ServiceIdentity): ServiceKey {
  const family = familyOfService(kind);
  if ((kind & SERVICE_MARK) !== 0) return { kind: "mark", family, mark: Number(address) };
  return {
    kind: "address",
    family,
    protocol: PROTOCOL_NAMES.get(protocol) ?? "tcp",
    address: addressText(address),
    port,
  };
}

/** The family of a service of that kind. */
export function familyOfService(kind: number): Family {
  return (kind & ~SERVICE_MARK) === SERVICE_IPV6 ? 6 : 4;
}

const PROTOCOLS: Readonly<Record<Protocol, number>> = {
  tcp: PROTOCOL_TCP,
  udp: PROTOCOL_UDP,
  sctp: PROTOCOL_SCTP,
};
const PROTOCOL_NAMES: ReadonlyMap<number, Protocol> = new Map(
  Object.entries(PROTOCOLS).map(([name, number]) => [number, name as Protocol]),
);
