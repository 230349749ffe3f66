/** A real server's side of direct routing and tunnels, as plain values. Addresses are canonical text without a prefix. */

/** How the director's packets come: as they are, or in tunnels. */
export type RealServerMode = "dr" | "tun";

/** Kinds of tunnels, as `ipvsadm --tun-type` has them. */
export const TUNNEL_TYPES = ["ipip", "gue", "gre"] as const;
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** IANA's port for GUE. */
export const DEFAULT_GUE_PORT = 6080;

/** The tunnels that packets to an address are taken out of. */
export interface TunnelSettings {
  /** In the order of {@link TUNNEL_TYPES}. */
  readonly types: readonly TunnelType[];
  readonly guePort: number;
}

/** What a virtual address is to be set up as. */
export interface Wanted {
  readonly vip: string;
  readonly mode: RealServerMode;
  /** The interfaces that packets to it come in by; null: any (under `tun`, all that carry Ethernet frames). */
  readonly interfaces: readonly string[] | null;
  /** Under `dr` without meaning. */
  readonly tunnel: TunnelSettings;
}

/** One change of the host. Each has an inverse: `inverseOf`. */
export type Step =
  | { readonly kind: "link"; readonly link: string; readonly up: boolean }
  /** Names with slashes, as an interface's name may have dots. */
  | { readonly kind: "sysctl"; readonly name: string; readonly from: string; readonly to: string }
  /** The address, with a host mask, on lo. `label`: IPv4 only. */
  | { readonly kind: "address"; readonly vip: string; readonly label: string | null; readonly add: boolean }
  /** The host route to an IPv4 address by lo, in the main table. */
  | { readonly kind: "route"; readonly vip: string; readonly add: boolean }
  /** What our tunnel end takes out for the address; null: nothing. */
  | {
      readonly kind: "tunnel";
      readonly vip: string;
      readonly from: TunnelSettings | null;
      readonly to: TunnelSettings | null;
    }
  /** Our tunnel end at an interface. */
  | { readonly kind: "attachment"; readonly link: string; readonly add: boolean };

/** Names of requirements: stable, as `lvs realserver status --json` prints them. */
export type RequirementName =
  | "loopback"
  | "address"
  | "route"
  | "arp_ignore"
  | "arp_announce"
  | "rp_filter"
  | "tunnel";

/** One thing that a host must have to serve a virtual address. */
export interface Requirement {
  readonly name: RequirementName;
  readonly met: boolean;
  /** Whether the server does not work without it. */
  readonly essential: boolean;
  /** What was found: "on lo (lo:0)", "net.ipv4.conf.all.arp_ignore is 0"… */
  readonly found: string;
  /** What `lvs realserver start` does about it. May be there though it is met, where we would do better. */
  readonly steps: readonly Step[];
  /** Interfaces at which it is not met, where that is a matter of interfaces. */
  readonly links: readonly string[];
  /** Sysctls that it depends on. */
  readonly sysctls: readonly string[];
}

/** What undoes a step. */
export function inverseOf(step: Step): Step {
  switch (step.kind) {
    case "link":
      return { ...step, up: !step.up };
    case "sysctl":
    case "tunnel":
      return { ...step, from: step.to, to: step.from } as Step;
    default:
      return { ...step, add: !step.add };
  }
}

/** Whether this is an IPv6 address, in text. */
export const isVersion6 = (address: string): boolean => address.includes(":");

/** Whether packets are taken out of the same tunnels. */
export function sameTunnel(one: TunnelSettings, other: TunnelSettings): boolean {
  return one.guePort === other.guePort && one.types.join() === other.types.join();
}

export { shownSysctl } from "../../linux/index.ts";
