import { type ConnectionEntry, type Endpoint, serviceId } from "../../ipvs/model.ts";

/**
 * The connection table as one JSON array, in pieces, an entry a line. The keys are described in docs/lvs.md; they
 * stay, new ones may come.
 */
export function* connectionJson(entries: Iterable<ConnectionEntry>): Generator<string> {
  let before = "[";
  for (const entry of entries) {
    yield `${before}\n${JSON.stringify(toJson(entry))}`;
    before = ",";
  }
  yield before === "[" ? "[]\n" : "\n]\n";
}

function toJson(entry: ConnectionEntry): Record<string, unknown> {
  const { protocol, state, expires, timeout, template, method, service, engine } = entry;
  return {
    protocol: protocol.toLowerCase(),
    state,
    expires,
    timeout,
    template,
    client: place(entry.source),
    virtual: place(entry.virtual),
    server: place(entry.destination),
    local: place(entry.local),
    method,
    service: service === null ? null : serviceId(service),
    mark: service?.kind === "mark" ? service.mark : null,
    engine,
  };
}

function place({ address, port }: Endpoint): { address: string; port: number } {
  return { address, port };
}
