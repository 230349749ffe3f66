import type { ConnectionEntry, Endpoint, Protocol } from "../../ipvs/model.ts";
import { formatIp, ip, type Prefix, prefixContains } from "../../net/index.ts";

/** Addresses and ports: null stands for every one. */
export interface EndpointPattern {
  readonly prefix: Prefix | null;
  readonly port: number | null;
}

/** Services: those of one protocol on these addresses and ports, or of one mark. */
export type ServicePattern =
  | { readonly kind: "address"; readonly protocol: Protocol; readonly virtual: EndpointPattern }
  | { readonly kind: "mark"; readonly mark: number };

/**
 * Which entries of the connection table are meant: those that every part that is not empty has a match for. Empty as a
 * whole: all.
 */
export interface ConnectionFilter {
  /** Upper case: "TCP". */
  readonly protocols: readonly string[];
  /** Upper case: "ESTABLISHED". */
  readonly states: readonly string[];
  readonly clients: readonly EndpointPattern[];
  readonly virtuals: readonly EndpointPattern[];
  readonly servers: readonly EndpointPattern[];
  readonly services: readonly ServicePattern[];
  /** Only persistence templates. */
  readonly templates: boolean;
}

type Test = (entry: ConnectionEntry) => boolean;

/** The filter as a function. */
export function matcher(filter: ConnectionFilter): Test {
  const tests: Test[] = [];
  const any = <T>(patterns: readonly T[], test: (pattern: T) => Test): void => {
    const each = patterns.map(test);
    if (each.length > 0) tests.push((entry) => each.some((matches) => matches(entry)));
  };
  any(filter.protocols, (protocol) => (entry) => entry.protocol.toUpperCase() === protocol);
  any(filter.states, (state) => (entry) => entry.state === state);
  any(filter.clients, (pattern) => on(pattern, ({ source }) => source));
  any(filter.virtuals, (pattern) => on(pattern, ({ virtual }) => virtual));
  any(filter.servers, (pattern) => on(pattern, ({ destination }) => destination));
  any(filter.services, ofService);
  if (filter.templates) tests.push(({ template }) => template);
  return (entry) => tests.every((test) => test(entry));
}

function on(pattern: EndpointPattern, endpoint: (entry: ConnectionEntry) => Endpoint): Test {
  const covers = endpointTest(pattern);
  return (entry) => covers(endpoint(entry));
}

/** A connection of a service on every port matches by the port its client asked for, and by the service's own, 0. */
function ofService(pattern: ServicePattern): Test {
  if (pattern.kind === "mark") {
    return ({ service }) => service?.kind === "mark" && service.mark === pattern.mark;
  }
  const label = pattern.protocol.toUpperCase();
  const covers = endpointTest(pattern.virtual);
  return ({ protocol, virtual, service }) => {
    if (service === null) return protocol === label && covers(virtual);
    if (service.kind === "mark" || service.protocol !== pattern.protocol) return false;
    return covers(virtual) || covers(service);
  };
}

function endpointTest({ prefix, port }: EndpointPattern): (endpoint: Omit<Endpoint, "family">) => boolean {
  const covers = addressTest(prefix);
  return (endpoint) => (port === null || endpoint.port === port) && covers(endpoint.address);
}

function addressTest(prefix: Prefix | null): (address: string) => boolean {
  if (prefix === null) return () => true;
  if (prefix.length === 8 * prefix.address.length) {
    const only = formatIp(prefix.address);
    return (address) => address === only;
  }
  return (address) => prefixContains(prefix, ip(address));
}
