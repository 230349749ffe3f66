// SPDX-License-Identifier: MIT OR GPL-2.0-only
import { make, type u32 } from "../bpf/index.ts";
import { type FlowKey, KIND_PROTOCOL, SERVICE_IPV4, ServiceKey, services, settings } from "./tables.ts";

/** The slot of the virtual service that a client's packet asks for; 0: none. */
export function serviceOf(key: FlowKey): u32 {
  const wanted = make(ServiceKey, {
    port: key.destinationPort,
    protocol: key.kind & KIND_PROTOCOL,
    kind: SERVICE_IPV4,
  });
  wanted.address.words[0] = key.destination;
  const entry = services.lookup(wanted);
  if (entry === null || entry.epoch !== settings.at(0).epoch) return 0;
  return entry.service;
}
