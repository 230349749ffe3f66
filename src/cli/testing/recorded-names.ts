import type { Names } from "../ipvsadm/names.ts";
import { readRecording } from "./recordings.ts";

/** Lines of a services file beyond those that environment.json names. */
const MORE_SERVICES = "tcpmux 1/tcp|domain 53/udp|ntp 123/udp|https 443/udp|sip 5060/tcp|sip 5060/udp";
const ALIASES = new Map([["www", "http"]]);
/** Hosts known when the details were recorded, beyond those of environment.json. */
const MORE_HOSTS = [
  "2001:db8::20 a-virtual-service-with-a-very-long-host-name-in-version-six.example.test",
  "2001:db8::14 a-real-server-with-a-very-long-host-name-indeed-in-version-six.datacentre.example.test",
];

/** The hosts and services that were known when the cases were recorded. */
export function recordedNames(): Names {
  const environment = readRecording<{ hosts: string[]; services: Record<string, string> }>(
    "environment.json",
  );
  const hosts = [...environment.hosts, ...MORE_HOSTS].map((line) => line.split(" "));
  const services = [
    ...Object.entries(environment.services),
    ...MORE_SERVICES.split("|").map((line) => line.split(" ") as [string, string]),
  ];
  const family = (address: string): number => (address.includes(":") ? 6 : 4);
  // Looking for an IPv4 address also finds names of ::1, which the C library maps to 127.0.0.1.
  const addressOf = (name: string, version: number): string | null => {
    const found = hosts
      .filter(([, ...known]) => known.includes(name.toLowerCase()))
      .map(([address]) => address!);
    const exact = found.find((address) => family(address) === version);
    return exact ?? (version === 4 && found.includes("::1") ? "127.0.0.1" : null);
  };
  return {
    hostAddress: addressOf,
    hostName: (address) => hosts.find(([known]) => known === address)?.[1] ?? null,
    servicePort: (name, protocol) => {
      const official = ALIASES.get(name) ?? name;
      const found = services.find(([known, where]) => known === official && where.endsWith(`/${protocol}`));
      return found === undefined ? null : Number.parseInt(found[1], 10);
    },
    serviceName: (port, protocol) =>
      services.find(([, where]) => where === `${port}/${protocol}`)?.[0] ?? null,
  };
}
