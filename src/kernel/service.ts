// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { copy, make, type u8, type u32 } from "../bpf/index.ts";
import { FTP_PORT } from "./ftp/control.ts";
import { anyPortServices, family, markServices, persistence } from "./options.ts";
import {
  type FlowKey,
  KIND_PROTOCOL,
  PROTOCOL_TCP,
  pools,
  SERVICE_IPV4,
  SERVICE_IPV6,
  SERVICE_MARK,
  type Service,
  ServiceKey,
  scratch,
  services,
  serviceTable,
  settings,
} from "./tables.ts";

function find(wanted: ServiceKey): u32 {
  const entry = services.lookup(wanted);
  return entry === null || entry.epoch !== settings.at(0).epoch ? 0 : entry.service;
}

/** FTP's port for data connections of the server; clients' are to ports from the other on. */
const FTP_DATA_PORT = 20;
const FIRST_PASSIVE_PORT = 1024;

/** Whether a service is persistent. */
export function isPersistent(service: Service): boolean {
  const pool = pools.lookup(service.pool);
  return pool !== null && pool.persistence !== 0;
}

/**
 * The slot of the virtual service that a client's packet with that firewall mark asks for; 0: none. As in IPVS a mark comes
 * first, then address and port, then a persistent FTP service of the address (the packet may be of a data connection of it), then the
 * address on every port. Of IPv6 the address is the one looked for (`lookFor`).
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
  const port = key.destinationPort;
  if (
    persistence.value &&
    wanted.protocol === PROTOCOL_TCP &&
    (port === FTP_DATA_PORT || port >= FIRST_PASSIVE_PORT)
  ) {
    wanted.port = FTP_PORT;
    const ftp = find(wanted);
    const service = serviceTable.lookup(ftp);
    if (ftp !== 0 && service !== null && isPersistent(service)) return ftp;
  }
  wanted.port = 0;
  return find(wanted);
}

/** The IP protocol of a flow. */
export function protocolOf(key: FlowKey): u8 {
  return key.kind & KIND_PROTOCOL;
}
