// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { copy, make, type u8, type u32 } from "../bpf/index.ts";
import { anyPortServices, family, markServices } from "./options.ts";
import {
  type FlowKey,
  KIND_PROTOCOL,
  SERVICE_IPV4,
  SERVICE_IPV6,
  SERVICE_MARK,
  ServiceKey,
  scratch,
  services,
  settings,
} from "./tables.ts";

function find(wanted: ServiceKey): u32 {
  const entry = services.lookup(wanted);
  return entry === null || entry.epoch !== settings.at(0).epoch ? 0 : entry.service;
}

/**
 * The slot of the virtual service that a client's packet with that firewall mark asks for; 0: none. As in IPVS a mark comes
 * first, then address and port, then the address on every port. Of IPv6 the address is the one looked for (`lookFor`).
 */
export function serviceOf(key: FlowKey, mark: u32): u32 {
  const kind = family.value === 6 ? SERVICE_IPV6 : SERVICE_IPV4;
  const wanted = make(ServiceKey);
  if (markServices.value && mark !== 0) {
    wanted.address.words[0] = mark;
    wanted.kind = kind | SERVICE_MARK;
    const marked = find(wanted);
    if (marked !== 0) return marked;
  }
  if (family.value === 6) {
    const mine = scratch.lookup(0);
    if (mine === null) return 0;
    copy(wanted.address, mine.destination);
  } else {
    wanted.address.words[0] = key.destination;
  }
  wanted.kind = kind;
  wanted.protocol = protocolOf(key);
  wanted.port = key.destinationPort;
  const exact = find(wanted);
  if (exact !== 0 || !anyPortServices.value) return exact;
  wanted.port = 0;
  return find(wanted);
}

/** The IP protocol of a flow. */
export function protocolOf(key: FlowKey): u8 {
  return key.kind & KIND_PROTOCOL;
}
