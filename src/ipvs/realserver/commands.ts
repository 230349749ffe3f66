/** Steps as commands that a person could paste. */
import { shellWord } from "../shell-word.ts";
import { isVersion6, type Step, shownSysctl, type TunnelSettings, type TunnelType } from "./model.ts";

/** The commands for steps, each said once. */
export function commandsOfAll(steps: readonly Step[]): string[] {
  return [...new Set(steps.flatMap(commandsOf))];
}

/** Commands that do what a step does; lines with "#" before what no command does as we do it. */
export function commandsOf(step: Step): string[] {
  switch (step.kind) {
    case "link":
      return [`ip link set ${shellWord(step.link)} ${step.up ? "up" : "down"}`];
    case "sysctl":
      return [`sysctl -w ${shellWord(`${shownSysctl(step.name)}=${step.to}`)}`];
    case "address":
      return [addressCommand(step)];
    case "route":
      return [`ip route ${step.add ? "add" : "delete"} ${step.vip}/32 dev lo src ${step.vip}`];
    case "attachment":
      return [`# lvs ${step.add ? "attaches its program to" : "takes its program off"} ${step.link}`];
    case "tunnel":
      return step.to === null
        ? [`# lvs takes ${step.vip} out of tunnels no longer`]
        : [
            `# lvs takes ${step.vip} out of tunnels by its program; the kernel's devices, where it has them:`,
            ...deviceCommands(step.vip, step.to),
          ];
  }
}

function addressCommand({ vip, label, add }: Extract<Step, { kind: "address" }>): string {
  const verb = add ? "add" : "delete";
  if (!isVersion6(vip)) return `ip address ${verb} ${vip}/32 dev lo${add && label ? ` label ${label}` : ""}`;
  return `ip -6 address ${verb} ${vip}/128 dev lo${add ? " preferred_lft 0 nodad" : ""}`;
}

/** The kernel's ends of tunnels for an address, over IPv4 and IPv6. */
function deviceCommands(vip: string, { types, guePort }: TunnelSettings): string[] {
  const inIpv4 = isVersion6(vip) ? "sit0" : "tunl0";
  const up = (module: string, device: string): string[] => [
    `modprobe ${module}`,
    `ip link set ${device} up`,
    ...(isVersion6(vip) ? [] : looseWithAddress(device)),
  ];
  // Loose is not enough for a device without any IPv4 address.
  const looseWithAddress = (device: string): string[] => [
    `sysctl -w net.ipv4.conf.${device}.rp_filter=2`,
    `ip address add ${vip}/32 dev ${device}`,
  ];
  const inIp = [...up(isVersion6(vip) ? "sit" : "ipip", inIpv4), ...up("ip6_tunnel", "ip6tnl0")];
  const fou = [`ip fou add port ${guePort} gue`, `ip -6 fou add port ${guePort} gue`];
  const commands: Readonly<Record<TunnelType, readonly string[]>> = {
    ipip: inIp,
    gue: ["modprobe -a fou fou6", ...fou, ...inIp],
    gre: [...up("ip_gre", "gre0"), ...up("ip6_gre", "ip6gre0")],
  };
  return types.flatMap((type) => commands[type]);
}
