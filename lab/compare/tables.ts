/** What ipvsadm lists, compared: times may differ by a little, all else must not. */

/** How far apart remaining times may be, in seconds: directors are asked one after the other. */
const TOLERANCE = 2;

/** A line of `ipvsadm -Lnc`. */
export interface ListedConnection {
  readonly key: string;
  /** Seconds. */
  readonly expires: number;
  readonly rest: string;
}

/** Reads `ipvsadm -Lnc`. */
export function parseConnections(text: string): ListedConnection[] {
  return text
    .split("\n")
    .slice(2)
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [protocol, expires, state, source, virtual, destination, ...more] = line.trim().split(/\s+/);
      const [minutes, seconds] = (expires ?? "").split(":").map(Number);
      return {
        key: `${protocol} ${source} ${virtual}`,
        expires: (minutes ?? 0) * 60 + (seconds ?? 0),
        rest: [state, destination, ...more].join(" "),
      };
    });
}

/** Differences between two connection tables, a line each. */
export function compareConnections(names: readonly [string, string], one: string, other: string): string[] {
  const [first, second] = [one, other].map(byKey) as [
    Map<string, ListedConnection>,
    Map<string, ListedConnection>,
  ];
  const differences: string[] = [];
  for (const key of new Set([...first.keys(), ...second.keys()])) {
    const [a, b] = [first.get(key), second.get(key)];
    if (a === undefined || b === undefined) {
      const there = (a ?? b)!;
      if (there.expires <= 1 || isVoid(there)) continue;
      differences.push(
        `connection ${key} (${there.rest}, ${there.expires} s): only ${names[a === undefined ? 1 : 0]} has it`,
      );
    } else if (a.rest !== b.rest || Math.abs(a.expires - b.expires) > TOLERANCE) {
      differences.push(
        `connection ${key}: ${names[0]} ${a.rest}, ${a.expires} s; ${names[1]} ${b.rest}, ${b.expires} s`,
      );
    }
  }
  return differences;
}

/** ip_vs keeps templates that do not hold any more, at a port that no client asks for (docs/differences.md). */
function isVoid({ key }: ListedConnection): boolean {
  return key.endsWith(":65535");
}

/** Connections of one key (as under one-packet scheduling, or templates and connections alike) are told apart by number. */
function byKey(text: string): Map<string, ListedConnection> {
  const result = new Map<string, ListedConnection>();
  for (const each of parseConnections(text).sort((a, b) => (a.rest < b.rest ? -1 : 1))) {
    let key = each.key;
    for (let n = 2; result.has(key); n++) key = `${each.key} #${n}`;
    result.set(key, each);
  }
  return result;
}

/** Differences between two listings line by line. Order counts; the size of the connection table does not. */
export function compareListings(names: readonly [string, string], one: string, other: string): string[] {
  const [first, second] = [one, other].map((text) =>
    text
      .replace(/size=\d+/, "size")
      .trimEnd()
      .split("\n"),
  ) as [string[], string[]];
  if (first.join("\n") === second.join("\n")) return [];
  return Array.from({ length: Math.max(first.length, second.length) }, (_, i) => i)
    .filter((i) => first[i] !== second[i])
    .flatMap((i) => [
      `line ${i + 1}, ${names[0]}: ${first[i] ?? "(none)"}`,
      `line ${i + 1}, ${names[1]}: ${second[i] ?? "(none)"}`,
    ]);
}
