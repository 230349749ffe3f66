/** Sets this host up as a real server for direct routing or tunnels, takes it down again, and tells what is missing. */
import type { DirectorOptions } from "../director/places.ts";
import { commandsOfAll } from "./commands.ts";
import { RealServerError } from "./errors.ts";
import type { RealServerFacts } from "./facts.ts";
import { type ChangeableHost, changeHost, readHost } from "./host.ts";
import {
  DEFAULT_GUE_PORT,
  isVersion6,
  type RealServerMode,
  type Requirement,
  type Step,
  TUNNEL_TYPES,
  type TunnelSettings,
  type Wanted,
} from "./model.ts";
import { carryOutHere, perform } from "./perform.ts";
import { type Outcome, type Plan, planStart, planStop } from "./plan.ts";
import type { HostRecord } from "./record.ts";
import { isComplete, realServerRequirements } from "./requirements.ts";
import { virtualAddress } from "./virtual-address.ts";

/** What a real server is to be set up for, or asked about. */
export interface RealServerRequest {
  /** Virtual addresses, in any form. */
  readonly vips: readonly string[];
  /** Default: as it was set up, else "dr". */
  readonly mode?: RealServerMode | undefined;
  /** The interfaces that the director's packets come in by. Default: any; under "tun" all with Ethernet frames. */
  readonly interfaces?: readonly string[] | undefined;
  /** Default: all, and GUE by port 6080. */
  readonly tunnel?: Partial<TunnelSettings> | undefined;
}

export interface RealServerOptions extends DirectorOptions {
  /** Plan, and change nothing. Default: false. */
  readonly dryRun?: boolean;
  /** Called before each step, and with null before what follows the last: where tests end the process. */
  readonly beforeStep?: (step: Step | null) => void;
}

/** What was done, or under `dryRun` would be. */
export interface RealServerChange {
  readonly outcomes: readonly Outcome[];
  /** The same as commands. */
  readonly commands: readonly string[];
}

/**
 * Sets up virtual addresses: whatever is missing, all of it or nothing. What was changed is remembered for
 * {@link takeDownRealServer}.
 *
 * @throws RealServerError; IpvsError EPERM without root, EBUSY, EIO
 */
export function setUpRealServer(
  request: RealServerRequest,
  options: RealServerOptions = {},
): RealServerChange {
  const vips = canonical(request.vips);
  const plan = (facts: RealServerFacts, record: HostRecord): Plan =>
    planStart(
      facts,
      record,
      vips.map((vip) => wantedOf(vip, request, facts, record)),
    );
  if (options.dryRun) return readHost(options, ({ facts, record }) => changeOf(plan(facts, record)));
  return changeHost(options, (host) => {
    const planned = plan(host.facts, host.record);
    host.write(planned.record);
    try {
      performHere(planned.steps, host, options);
    } catch (error) {
      if (!(error instanceof RealServerError && error.code === "HALF_DONE")) host.write(host.record);
      throw error;
    }
    return changeOf(planned);
  });
}

/**
 * Takes virtual addresses away again, and sets back what was set for them alone. What somebody else has changed since stays, and a
 * note says so.
 *
 * @throws as {@link setUpRealServer}
 */
export function takeDownRealServer(
  vips: readonly string[],
  options: RealServerOptions = {},
): RealServerChange {
  const addresses = canonical(vips);
  if (options.dryRun) {
    return readHost(options, ({ facts, record }) => changeOf(planStop(facts, record, addresses)));
  }
  return changeHost(options, (host: ChangeableHost) => {
    const planned = planStop(host.facts, host.record, addresses);
    performHere(planned.steps, host, options);
    host.write(planned.record);
    return changeOf(planned);
  });
}

function performHere(
  steps: readonly Step[],
  { tunnelEnd }: ChangeableHost,
  { beforeStep }: RealServerOptions,
): void {
  const carryOut = carryOutHere(tunnelEnd);
  perform(steps, (step) => {
    beforeStep?.(step);
    carryOut(step);
  });
  beforeStep?.(null);
}

/** Whether this host serves a virtual address, and what is missing. */
export interface RealServerStatus {
  readonly vip: string;
  readonly mode: RealServerMode;
  /** Whether it works: all that is essential is there, whoever made it. */
  readonly complete: boolean;
  /** Whether `setUpRealServer` has set it up. */
  readonly started: boolean;
  /** How many packets our tunnel end took out for it; null: it takes none. */
  readonly packets: number | null;
  readonly requirements: readonly (Omit<Requirement, "steps" | "sysctls" | "links"> & {
    /** Commands that would mend it. */
    readonly commands: readonly string[];
  })[];
}

/** Of the virtual addresses asked about; of none: of all that were set up, and all that look as if they were by hand. */
export function realServerStatus(
  request: RealServerRequest,
  options: DirectorOptions = {},
): RealServerStatus[] {
  const asked = canonical(request.vips);
  return readHost(options, ({ facts, record, packets }) => {
    const vips = asked.length > 0 ? asked : [...new Set([...record.addresses.keys(), ...likely(facts)])];
    return vips.map((vip) => {
      const wanted = wantedOf(vip, request, facts, record);
      const requirements = realServerRequirements(facts, wanted);
      return {
        vip,
        mode: wanted.mode,
        complete: isComplete(requirements),
        started: record.addresses.has(vip),
        packets: packets.get(vip) ?? null,
        requirements: requirements.map(({ name, met, essential, found, steps }) => ({
          ...{ name, met, essential, found },
          commands: met ? [] : commandsOfAll(steps),
        })),
      };
    });
  });
}

/** Addresses with a host mask where no ARP request is answered: virtual ones, in all likelihood. */
function likely({ addresses, links }: RealServerFacts): string[] {
  const silent = new Set(links.filter(({ arp }) => !arp).map(({ name }) => name));
  return addresses
    .filter(({ address, link, length }) => {
      const whole = length === (isVersion6(address) ? 128 : 32);
      return whole && silent.has(link) && address !== "::1" && !address.startsWith("127.");
    })
    .map(({ address }) => address);
}

/** What a request that leaves things open means for an address on this host. */
export function wantedOf(
  vip: string,
  { mode, interfaces, tunnel }: Omit<RealServerRequest, "vips">,
  facts: RealServerFacts,
  record: HostRecord,
): Wanted {
  const known = record.addresses.get(vip);
  const present = facts.tunnelEnd.addresses.get(vip);
  const before = known?.mode === "tun" ? known.tunnel : present;
  const types = tunnel?.types ?? before?.types ?? TUNNEL_TYPES;
  return {
    vip,
    mode: mode ?? known?.mode ?? (present === undefined ? "dr" : "tun"),
    interfaces: interfaces ?? known?.interfaces ?? null,
    tunnel: {
      types: TUNNEL_TYPES.filter((type) => types.includes(type)),
      guePort: tunnel?.guePort ?? before?.guePort ?? DEFAULT_GUE_PORT,
    },
  };
}

/** Each address once, in canonical text. */
function canonical(vips: readonly string[]): string[] {
  return [...new Set(vips.map(virtualAddress))];
}

function changeOf({ outcomes, steps }: Plan): RealServerChange {
  return { outcomes, commands: commandsOfAll(steps) };
}
