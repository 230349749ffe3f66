/** All that could be left behind on a host, to be compared before and after. */
import { readdirSync, readFileSync } from "node:fs";
import { feature, queryTcx } from "../../src/bpf/loader/index.ts";
import {
  inNetworkNamespace,
  listAddresses,
  listFilters,
  listLinks,
  listQdiscs,
  listRoutes,
  withRouteSocket,
} from "../../src/linux/index.ts";
import { formatIp, formatPrefix, type Prefix } from "../../src/net/index.ts";

/** Trees of sysctls. */
const SYSCTLS = ["/proc/sys/net/ipv4", "/proc/sys/net/ipv6"];
/** They change by themselves. */
const RESTLESS = /\/(route\/gc|neigh\/|tcp_fastopen_key|stable_secret|ping_group_range|ipfrag_|.*_key$)/;

/** Sysctls, links, addresses, routes of all tables, queueing disciplines, filters, programs: a line each, sorted. */
export function hostState(namespace: string): string[] {
  return inNetworkNamespace(namespace, () => [...sysctls(), ...network()].sort());
}

function sysctls(): string[] {
  return SYSCTLS.flatMap((root) =>
    (readdirSync(root, { recursive: true }) as string[])
      .map((name) => `${root}/${name}`)
      .filter((path) => !RESTLESS.test(path))
      .flatMap((path) => {
        try {
          return [`${path} = ${readFileSync(path, "utf8").trim()}`];
        } catch {
          return [];
        }
      }),
  );
}

/** Without link-local addresses, which take their time to come. */
function network(): string[] {
  return withRouteSocket((socket) => {
    const links = listLinks(socket);
    const nameOf = (index: number | undefined) => links.find((each) => each.index === index)?.name;
    const isOurs = (prefix: Prefix | undefined) => !/^(fe80|ff00)/.test(prefix ? formatPrefix(prefix) : "");
    return [
      ...links.map(({ name, flags, mtu }) => `link ${name} ${flags} ${mtu}`),
      ...listAddresses(socket)
        .filter(({ prefix }) => isOurs(prefix))
        .map(
          ({ index, prefix, label, flags, scope }) =>
            `address ${formatPrefix(prefix)} ${nameOf(index)} ${label} ${flags} ${scope}`,
        ),
      ...listRoutes(socket, { table: 0 })
        .filter(({ to }) => isOurs(to))
        .map(({ to, via, link, table, type, source, metric }) =>
          [
            "route",
            to === undefined ? "default" : formatPrefix(to),
            ...[via, source].map((each) => (each === undefined ? "-" : formatIp(each))),
            ...[nameOf(link), table, type, metric],
          ].join(" "),
        ),
      ...listQdiscs(socket).map(({ index, kind }) => `qdisc ${nameOf(index)} ${kind}`),
      ...links.flatMap(({ name }) =>
        listFilters(socket, name, "ingress").map((each) => `filter ${name} ${each.name}`),
      ),
      ...links.flatMap(({ index, name }) =>
        feature("tcxLinks").available ? queryTcx(index).map(() => `program ${name}`) : [],
      ),
    ];
  });
}
