/** What to do to start or stop virtual addresses: from the host's present state and the record to steps and the record afterwards. */
import { RealServerError } from "./errors.ts";
import { after, type RealServerFacts } from "./facts.ts";
import { type Requirement, type Step, shownSysctl, type Wanted } from "./model.ts";
import { obstacle } from "./obstacles.ts";
import type { HostRecord, RecordedAddress, RecordedSysctl } from "./record.ts";
import { realServerRequirements, tunnelLinks } from "./requirements.ts";

export interface Plan {
  readonly steps: readonly Step[];
  /** The record with the steps in it: to be written before them when starting, after them when stopping. */
  readonly record: HostRecord;
  /** By virtual address, in the order asked for. */
  readonly outcomes: readonly Outcome[];
}

export interface Outcome {
  readonly vip: string;
  /** Whether there is anything to do. */
  readonly changed: boolean;
  /** When stopping: whether the address is still there, because somebody else put it there. */
  readonly remains: boolean;
  /** Sentences that a person should read: what was left alone, and why. */
  readonly notes: readonly string[];
}

/** Throws RealServerError OBSTACLE or OTHER_MODE for the first address that cannot be set up. */
export function planStart(facts: RealServerFacts, record: HostRecord, wanted: readonly Wanted[]): Plan {
  const steps: Step[] = [];
  const outcomes: Outcome[] = [];
  let present = facts;
  let kept = record;
  for (const each of wanted) {
    const known = kept.addresses.get(each.vip);
    refuse(present, each, known);
    const requirements = realServerRequirements(present, each);
    const own = requirements.flatMap((requirement) => requirement.steps);
    for (const step of own) present = after(present, step);
    kept = recordStart(kept, each, requirements, own);
    steps.push(...own);
    outcomes.push({ vip: each.vip, changed: own.length > 0, remains: true, notes: [] });
  }
  return { steps, record: kept, outcomes };
}

function refuse(facts: RealServerFacts, wanted: Wanted, known: RecordedAddress | undefined): void {
  const why = obstacle(facts, wanted);
  if (why !== null) throw new RealServerError("OBSTACLE", why);
  if (known !== undefined && known.mode !== wanted.mode) {
    const advice = `\`lvs realserver stop --vip ${wanted.vip}\` first`;
    throw new RealServerError("OTHER_MODE", `${wanted.vip} is set up with --mode ${known.mode}: ${advice}`);
  }
}

function recordStart(
  record: HostRecord,
  { vip, mode, interfaces, tunnel }: Wanted,
  requirements: readonly Requirement[],
  steps: readonly Step[],
): HostRecord {
  const known = record.addresses.get(vip);
  const makes = (kind: "address" | "route"): boolean =>
    (known?.[kind] ?? false) || steps.some((step) => step.kind === kind);
  const addresses = new Map(record.addresses);
  addresses.set(vip, { mode, interfaces, tunnel, address: makes("address"), route: makes("route") });
  const sysctls = new Map(record.sysctls);
  for (const step of steps) {
    if (step.kind !== "sysctl") continue;
    const { before = step.from, users = [] } = sysctls.get(step.name) ?? {};
    sysctls.set(step.name, { before, set: step.to, users });
  }
  const relied = new Set(requirements.flatMap((requirement) => requirement.sysctls));
  for (const [name, entry] of sysctls) {
    if (relied.has(name) && !entry.users.includes(vip))
      sysctls.set(name, { ...entry, users: [...entry.users, vip] });
  }
  return { addresses, sysctls };
}

/** Takes everything back that was done for these addresses alone, whatever of it is there. */
export function planStop(facts: RealServerFacts, record: HostRecord, vips: readonly string[]): Plan {
  const steps: Step[] = [];
  const outcomes: Outcome[] = [];
  let present = facts;
  let kept = record;
  for (const vip of vips) {
    const own = stopOne(present, kept, vip);
    for (const step of own.steps) present = after(present, step);
    kept = own.record;
    steps.push(...own.steps);
    const there = present.addresses.find(({ address }) => address === vip);
    const notes = [...own.notes];
    if (there !== undefined) {
      const command = `ip address delete ${vip}/${there.length} dev ${there.link}`;
      notes.push(`${vip} stays on ${there.link}: it was not put there by lvs; \`${command}\` takes it away`);
    }
    const changed = record.addresses.has(vip);
    outcomes.push({ vip, changed, remains: there !== undefined, notes });
  }
  return { steps, record: kept, outcomes };
}

/** In the reverse order of starting: the address goes first. */
function stopOne(
  facts: RealServerFacts,
  record: HostRecord,
  vip: string,
): { steps: Step[]; record: HostRecord; notes: string[] } {
  const known = record.addresses.get(vip);
  if (known === undefined) return { steps: [], record, notes: [] };
  const steps: Step[] = [];
  const notes: string[] = [];
  const addresses = new Map(record.addresses);
  addresses.delete(vip);
  if (known.route && facts.hostRoutes.includes(vip)) steps.push({ kind: "route", vip, add: false });
  const there = facts.addresses.find((each) => each.address === vip && each.link === "lo");
  if (known.address && there !== undefined) {
    steps.push({ kind: "address", vip, label: there.label ?? null, add: false });
  }
  const taken = facts.tunnelEnd.addresses.get(vip);
  if (taken !== undefined) steps.push({ kind: "tunnel", vip, from: taken, to: null });
  for (const link of unneededLinks(facts, addresses)) steps.push({ kind: "attachment", link, add: false });
  const sysctls = new Map<string, RecordedSysctl>();
  for (const [name, entry] of record.sysctls) {
    const users = entry.users.filter((user) => user !== vip);
    if (users.length > 0) {
      sysctls.set(name, { ...entry, users });
      continue;
    }
    const now = facts.sysctls.get(name);
    if (now === entry.set && now !== entry.before) {
      steps.push({ kind: "sysctl", name, from: entry.set, to: entry.before });
    } else if (now !== undefined && now !== entry.before) {
      notes.push(
        `${shownSysctl(name)} stays ${now}: somebody has set it since (it was ${entry.before} before, ${entry.set} by lvs)`,
      );
    }
  }
  return { steps, record: { addresses, sysctls }, notes };
}

/** Interfaces that have our tunnel end for none of these. */
function unneededLinks(
  facts: RealServerFacts,
  addresses: ReadonlyMap<string, RecordedAddress>,
): readonly string[] {
  const needed = [...addresses].flatMap(([vip, { mode, interfaces, tunnel }]) =>
    mode === "tun" ? tunnelLinks(facts, { vip, mode, interfaces, tunnel }) : [],
  );
  const { links, outdated } = facts.tunnelEnd;
  return [...links, ...outdated].filter((link) => !needed.includes(link));
}
