import { type ConnectionEntry, type ServiceStatus, serviceId } from "../../ipvs/model.ts";
import { FULL_WIDTH, serviceName, signedMark } from "./endpoint-names.ts";
import type { Names } from "./names.ts";
import { sortServices } from "./order.ts";

const COLUMNS = [20, 8, 20, 10] as const;

/**
 * `--get-laddr`: the local addresses of FullNAT services and how many connections use each, in the layout of DPVS's
 * ipvsadm. Ports are taken without collisions, so CONFLICTS is always 0.
 *
 * @param connections the connection table
 * @param names null: numbers only
 */
export function printLocalAddresses(
  services: readonly ServiceStatus[],
  connections: Iterable<ConnectionEntry>,
  names: Names | null,
): string {
  const uses = countUses(services, connections);
  const lines = [row("VIP:VPORT", "TOTAL", "SNAT_IP", "CONFLICTS", "CONNS")];
  for (const { service, localAddresses } of sortServices(services)) {
    const { key } = service;
    const title = key.kind === "mark" ? `FWM ${signedMark(key.mark)}` : serviceName(key, names, FULL_WIDTH);
    lines.push(row(title, `${localAddresses.length}`));
    for (const address of localAddresses) {
      const name = names?.hostName(address, key.family) ?? address;
      lines.push(row("", "", name, "0", `${uses.get(use(serviceId(key), address)) ?? 0}`));
    }
  }
  return lines.join("");
}

function row(...cells: readonly string[]): string {
  return `${cells
    .map((cell, index) => cell.padEnd(COLUMNS[index] ?? 0))
    .join(" ")
    .trimEnd()}\n`;
}

/** Connections by service and local address. The table is walked only if there is something to count. */
function countUses(
  services: readonly ServiceStatus[],
  connections: Iterable<ConnectionEntry>,
): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  if (services.every(({ localAddresses }) => localAddresses.length === 0)) return uses;
  for (const { method, template, service, local } of connections) {
    if (method !== "fullnat" || template || service === null) continue;
    const key = use(serviceId(service), local.address);
    uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  return uses;
}

function use(service: string, address: string): string {
  return `${service} ${address}`;
}
