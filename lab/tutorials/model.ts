import { type NetworkPlan, plugged } from "../network.ts";

/** Which hosts of an exercise a command is for. */
export type Role = "director" | "servers" | "client";

/** A command line of a tutorial. */
export interface Command {
  readonly role: Role;
  /** As the document prints it, without its prompt. */
  readonly printed: string;
  /** What is run, if not that, and why not. Paths below /etc and /root are always those of a scratch folder. */
  readonly instead?: { readonly run: readonly string[]; readonly why: string };
  /** What it prints, on either stream. Default: nothing. */
  readonly prints?: RegExp;
  /** Its exit status; null: any. Default: 0. */
  readonly status?: number | null;
}

/** A command line that is not run, and why. */
export interface Omission {
  readonly printed: string;
  readonly why: string;
}

/** Requests that must be served, once the commands have been run, by web servers on port 80 that answer with their names. */
export interface Traffic {
  readonly url: string;
  /** How many each server is to answer, of one client's requests in a row. */
  readonly served: Readonly<Record<string, number>>;
}

/** Commands that belong together, with the network that they are for. */
export interface Exercise {
  readonly section: string;
  plan(prefix: string): NetworkPlan;
  /** The namespaces' names behind the roles. Default: "director"; "rs1" and "rs2"; "client". */
  readonly steps: readonly (Command | Traffic)[];
  readonly omitted?: readonly Omission[];
}

/** A document that people learn LVS from. */
export interface Tutorial {
  /** Its number in the collection. */
  readonly number: number;
  readonly title: string;
  readonly language: "Chinese" | "English";
  readonly exercises: readonly Exercise[];
  /** What it has beside, in groups. */
  readonly omitted: readonly Omission[];
}

/** A host of an exercise's network: its addresses, on eth0, eth1… */
type Host = readonly [node: string, ...addresses: string[]];

/** Hosts around one switch, each with an eth0. */
export function segment(hosts: readonly Host[]): (prefix: string) => NetworkPlan {
  return (prefix) => ({
    prefix,
    switches: ["switch"],
    links: hosts.map(([node, ...addresses]) => plugged("switch", node, addresses)),
  });
}

/** A client, a director with an eth0 towards it and an eth1 towards its servers; it is everybody's gateway. */
export function masqueraded(addresses: {
  readonly client: string;
  readonly outside: readonly string[];
  readonly inside: string;
  readonly servers: readonly string[];
}): (prefix: string) => NetworkPlan {
  const gateway = addresses.inside.split("/")[0]!;
  return (prefix) => ({
    prefix,
    switches: ["switch"],
    links: [
      [
        { node: "client", device: "eth0", addresses: [addresses.client] },
        { node: "director", device: "eth0", addresses: addresses.outside },
      ],
      plugged("switch", "director", [addresses.inside], "eth1"),
      ...addresses.servers.map(
        (address, i) =>
          [
            { node: `rs${i + 1}`, device: "eth0", addresses: [address] },
            { node: "switch", device: `rs${i + 1}` },
          ] as const,
      ),
    ],
    routes: [
      { node: "client", to: "default", via: addresses.outside[0]!.split("/")[0]! },
      ...addresses.servers.map((_, i) => ({ node: `rs${i + 1}`, to: "default", via: gateway })),
    ],
  });
}

/** Commands of the director that print nothing. */
export function onDirector(...lines: readonly string[]): Command[] {
  return lines.map((printed) => ({ role: "director", printed }));
}

/** Commands of each real server that print nothing. */
export function onServers(...lines: readonly string[]): Command[] {
  return lines.map((printed) => ({ role: "servers", printed }));
}
