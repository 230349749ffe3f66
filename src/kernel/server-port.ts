// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { u16 } from "../bpf/index.ts";
import { anyPortServices, markServices, persistence } from "./options.ts";
import { isPersistent } from "./service.ts";
import { type Destination, serviceTable } from "./tables.ts";

/**
 * The port of a server that packets for the virtual port `asked` go to. A persistent service maps no port but its own: of one of every
 * port, or by mark, a client's web and secure web stay apart (seen with Linux 6.1).
 */
export function serverPortOf(server: Destination, asked: u16): u16 {
  if (server.port === 0) return asked;
  if (persistence.value && (anyPortServices.value || markServices.value)) {
    const service = serviceTable.lookup(server.service);
    if (service !== null && service.key.port !== asked && isPersistent(service)) return asked;
  }
  return server.port;
}
