/** Keys and values of the hash maps `services` and `servers`, as bytes. */
import {
  SERVICE_IPV6,
  SERVICE_MARK,
  ServerEntry,
  ServerKey,
  ServiceEntry,
  ServiceKey,
} from "../../kernel/tables.ts";
import { type AddressNumber, wordOf } from "../configuration/address.ts";
import type { ServiceIdentity } from "../configuration/identity.ts";

/** Elements to be written, back to back, as `MapHandle.updateMany` takes them. */
export interface Elements {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

/** An entry of `services`: the service is in slot `row`. */
export interface ServiceElement {
  readonly identity: ServiceIdentity;
  readonly row: number;
}

export function encodeServiceKeys(identities: readonly ServiceIdentity[]): Uint8Array {
  const keys = new Uint8Array(ServiceKey.size * identities.length);
  const view = new DataView(keys.buffer);
  const { address, port, protocol, kind } = ServiceKey.field;
  for (const [index, identity] of identities.entries()) {
    const at = index * ServiceKey.size;
    setAddress(view, at + address.offset, identity.address);
    view.setUint16(at + port.offset, identity.port);
    view.setUint8(at + protocol.offset, identity.protocol);
    view.setUint8(at + kind.offset, identity.kind);
  }
  return keys;
}

export function encodeServices(elements: readonly ServiceElement[], epoch: number): Elements {
  const values = new Uint8Array(ServiceEntry.size * elements.length);
  const view = new DataView(values.buffer);
  for (const [index, { row }] of elements.entries()) {
    const at = index * ServiceEntry.size;
    view.setUint32(at + ServiceEntry.field.service.offset, row, true);
    view.setUint32(at + ServiceEntry.field.epoch.offset, epoch, true);
  }
  return { keys: encodeServiceKeys(elements.map((each) => each.identity)), values };
}

/** The entries of `services` of that epoch (null: of every epoch). */
export function decodeServices(elements: Elements, epoch: number | null): ServiceElement[] {
  const keys = viewOf(elements.keys);
  const values = viewOf(elements.values);
  const found: ServiceElement[] = [];
  for (let index = 0; index < elements.keys.length / ServiceKey.size; index++) {
    const key = index * ServiceKey.size;
    const value = index * ServiceEntry.size;
    const itsEpoch = values.getUint32(value + ServiceEntry.field.epoch.offset, true);
    if (epoch !== null && itsEpoch !== epoch) continue;
    const { address, port, protocol } = ServiceKey.field;
    const kind = keys.getUint8(key + ServiceKey.field.kind.offset);
    found.push({
      row: values.getUint32(value + ServiceEntry.field.service.offset, true),
      identity: {
        kind,
        address: getAddress(keys, key + address.offset, hasWideAddress(kind)),
        port: keys.getUint16(key + port.offset),
        protocol: keys.getUint8(key + protocol.offset),
      },
    });
  }
  return found;
}

/** Whether the address of a service of that kind takes all four words: a mark takes one. */
export function hasWideAddress(kind: number): boolean {
  return kind === SERVICE_IPV6;
}

/** An entry of `servers`: packets from that server and port belong to that service and destination. */
export interface ServerElement {
  readonly address: AddressNumber;
  readonly port: number;
  readonly service: ServiceIdentity;
  readonly destination: number;
}

export function encodeServerKeys(elements: readonly ServerElement[]): Uint8Array {
  const keys = new Uint8Array(ServerKey.size * elements.length);
  const view = new DataView(keys.buffer);
  const { address, port, protocol } = ServerKey.field;
  for (const [index, element] of elements.entries()) {
    const at = index * ServerKey.size;
    setAddress(view, at + address.offset, element.address);
    view.setUint16(at + port.offset, element.port);
    view.setUint8(at + protocol.offset, element.service.protocol);
  }
  return keys;
}

/** The virtual address and port stay 0 for servers of services by mark. */
export function encodeServers(elements: readonly ServerElement[]): Elements {
  const values = new Uint8Array(ServerEntry.size * elements.length);
  const view = new DataView(values.buffer);
  const { virtual, port, destination } = ServerEntry.field;
  for (const [index, { service, destination: row }] of elements.entries()) {
    const at = index * ServerEntry.size;
    view.setUint32(at + destination.offset, row, true);
    if ((service.kind & SERVICE_MARK) !== 0) continue;
    setAddress(view, at + virtual.offset, service.address);
    view.setUint16(at + port.offset, service.port);
  }
  return { keys: encodeServerKeys(elements), values };
}

function setAddress(view: DataView, at: number, address: AddressNumber): void {
  if (typeof address === "number") {
    view.setUint32(at, address);
    return;
  }
  for (let word = 0; word < 4; word++) view.setUint32(at + 4 * word, wordOf(address, word));
}

function getAddress(view: DataView, at: number, ipv6: boolean): AddressNumber {
  return ipv6 ? (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8) : view.getUint32(at);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
