import { readNameFile, readNames } from "./name-file.ts";

/** Names of services and their ports, as services(5) lists them. */
export interface ServiceNames {
  /** The port of a service by name or alias; of any protocol (the first listed) if none is given. */
  port(name: string, protocol?: string): number | undefined;
  /** The name of the service at a port; of any protocol (the first listed) if none is given. */
  name(port: number, protocol?: string): string | undefined;
}

interface Entry {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly names: readonly string[];
}

/** The names in the text of a services file: lines of `name port/protocol alias… # comment`. */
export function parseServices(text: string): ServiceNames {
  const entries: Entry[] = [];
  for (const [name, where, ...aliases] of readNames(text)) {
    const match = /^(\d+)\/(\S+)$/.exec(where ?? "");
    if (name === undefined || match === null) continue;
    entries.push({ name, port: Number(match[1]), protocol: match[2]!, names: [name, ...aliases] });
  }
  const of = (entry: Entry, protocol: string | undefined) =>
    protocol === undefined || entry.protocol === protocol;
  return {
    port: (name, protocol) => entries.find((each) => each.names.includes(name) && of(each, protocol))?.port,
    name: (port, protocol) => entries.find((each) => each.port === port && of(each, protocol))?.name,
  };
}

let systemNames: ServiceNames | undefined;

/** The names of this machine's /etc/services, read once. Without the file there are none. */
export function serviceNames(): ServiceNames {
  systemNames ??= parseServices(readNameFile("/etc/services"));
  return systemNames;
}
