import type { DirectorStatus } from "../../ipvs/index.ts";

/** `lvs status --json`. */
export function statusJson(status: DirectorStatus): string {
  return `${JSON.stringify(status, (_, value) => (typeof value === "bigint" ? Number(value) : value), 2)}\n`;
}

/** `lvs status` for people. */
export function statusText(status: DirectorStatus): string {
  return [...summary(status), "", ...interfaces(status), "", ...features(status)].join("\n").concat("\n");
}

function summary(status: DirectorStatus): string[] {
  const rows: [string, string][] = [
    ["state", state(status)],
    ["directory", status.directory],
  ];
  const { programs, program, clock } = status;
  for (const [index, { name, id, machineCodeBytes, current }] of programs.entries()) {
    const age = current ? "" : ", of another version of lvs: the next change replaces it";
    rows.push([index === 0 ? "programs" : "", `${name} #${id}, ${machineCodeBytes} bytes${age}`]);
  }
  if (program !== null) {
    const on = Object.entries(program.options)
      .filter(([, value]) => value !== false)
      .map(([name, value]) => (value === true ? name : `${name}=${value}`));
    rows.push(["compiled for", on.join(", ")]);
  }
  if (clock !== null && hasBegun(status)) {
    const last = clock.age === null ? "it has never ticked" : `last tick ${clock.age.toFixed(0)} ms ago`;
    rows.push(["clock", `${clock.ticking ? "ticking" : "STANDING STILL"}, ${last}`]);
  }
  for (const name of status.forwardingOff) {
    rows.push(["FORWARDING OFF", `${name} is 0: packets are not forwarded; \`sysctl -w ${name}=1\` helps`]);
  }
  if (status.state === "ready" && hasBegun(status)) {
    const served = "the director itself can be a client";
    const why = "lo must be attached, and net.ipv4.conf.lo.accept_local 1";
    rows.push(["local clients", status.localClients ? served : `NOT SERVED: ${why}`]);
  }
  if (status.state === "ready") {
    const bytes = status.maps.reduce((sum, map) => sum + map.bytes, 0);
    rows.push(["memory", `${(bytes / 2 ** 20).toFixed(1)} MiB in ${status.maps.length} maps`]);
  }
  for (const { table, used, size } of status.tables) {
    rows.push([table, `${used} of ${size} (${((used / size) * 100).toFixed(1)} %)`]);
  }
  for (const [title, count] of [
    ["rules, IPv4", status.rules.ipv4],
    ["rules, IPv6", status.rules.ipv6],
  ] as const)
    if (count > 0) rows.push([title, String(count)]);
  for (const [name, count] of Object.entries(status.events)) rows.push([name, String(count)]);
  if (status.cache.problem !== null)
    rows.push(["program cache", `${status.cache.directory}: ${status.cache.problem}`]);
  return aligned(rows);
}

function state(status: DirectorStatus): string {
  if (status.state === "none") return "nothing is configured in this network namespace";
  if (status.state === "unusable") return `UNUSABLE: ${status.problem}`;
  return hasBegun(status) ? "ready" : "ready, and nothing runs before the first service";
}

/** Settings alone make a director, too, without programs and without a clock. */
function hasBegun({ program, tables }: DirectorStatus): boolean {
  return program !== null || tables.some(({ table, used }) => table === "services" && used > 0);
}

function interfaces({ interfaces: list, attachment }: DirectorStatus): string[] {
  return [
    `Interfaces (${attachment === "tcx" ? "tcx links" : "clsact filters"}):`,
    ...aligned(
      list.map(({ name, attached, excluded }) => {
        const why = excluded ?? "lvs attach";
        return [`  ${name}`, attached ? "attached" : `NOT ATTACHED: ${why}`] as const;
      }),
    ),
  ];
}

function features({ features: found }: DirectorStatus): string[] {
  const names = Object.entries(found);
  const missing = names.flatMap(([name, found]) =>
    found === true ? [] : [[`  ${name}`, found.missing] as const],
  );
  return [
    `Kernel features: ${names.length - missing.length} of ${names.length}${missing.length === 0 ? "" : ", without"}`,
    ...aligned(missing),
  ];
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
