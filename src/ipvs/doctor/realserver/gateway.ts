import type { Family } from "../../model.ts";
import type { Finding } from "../finding.ts";
import { type RealServerCheck, virtualAddresses } from "./view.ts";

/** Where the host's answers go, if it was told which addresses the director has. */
export const checkGateway: RealServerCheck = (host) => {
  const { directors } = host.hints;
  const held = virtualAddresses(host);
  return ([4, 6] as const).flatMap((family) => {
    const known = directors.filter((address) => (address.includes(":") ? 6 : 4) === family);
    if (known.length === 0) return [];
    const gateways = host.defaultRoutes.filter((each) => each.family === family).map(({ via }) => via);
    const leads = gateways.some((via) => via !== null && known.includes(via));
    const isMasqueraded = !held.some((each) => each.family === family);
    if (isMasqueraded && !leads) return [elsewhere(gateways, known, family)];
    return !isMasqueraded && leads ? [through(known)] : [];
  });
};

function elsewhere(
  gateways: readonly (string | null)[],
  directors: readonly string[],
  family: Family,
): Finding {
  const to =
    gateways.length === 0
      ? "There is no default route"
      : `The default route leads to ${gateways.map((via) => via ?? "the link itself").join(", ")}`;
  return {
    code: "gateway-not-director",
    severity: "error",
    where: `default route, IPv${family}`,
    what: `${to}, not to the director (${directors.join(", ")}).`,
    why: "A masqueraded server's answers must pass the director; others reach clients with the server's own address, and are not taken.",
    remedy: { kind: "advice", command: `ip route replace default via ${directors[0]}` },
  };
}

function through(directors: readonly string[]): Finding {
  return {
    code: "gateway-is-director",
    severity: "warning",
    where: "default route",
    what: `The default route leads to the director (${directors.join(", ")}), and this host has a virtual address.`,
    why: "Answers under direct routing and from tunnels come from the virtual address, which the director has itself: its kernel takes them for forged and drops them.",
    remedy: { kind: "advice", command: "ip route replace default via ROUTER" },
  };
}
