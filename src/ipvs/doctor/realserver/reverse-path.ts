import { reversePath } from "../../realserver/reverse-path.ts";
import { commandOf } from "../finding.ts";
import { sysctlRemedy } from "./requirements.ts";
import { outsideLinks, type RealServerCheck, virtualAddresses, wantedAddresses } from "./view.ts";

/**
 * Under direct routing the director may send by an interface other than that by which answers leave. Unless somebody has said so it
 * is not known which: a filter that somebody may want is not loosened for a guess.
 */
export const checkSeveralInterfaces: RealServerCheck = (host) => {
  if (!virtualAddresses(host).some(({ family }) => family === 4)) return [];
  if (wantedAddresses(host).some(({ mode, interfaces }) => mode === "tun" || interfaces !== null)) return [];
  const outside = outsideLinks(host);
  const ways = host.defaultRoutes.filter(({ family }) => family === 4).map(({ link }) => link);
  if (ways.length === 0 || outside.length < 2) return [];
  const suspects = outside
    .map(({ name }) => name)
    .filter((name) => !ways.includes(name))
    .filter((name) => host.addresses.some(({ link, family }) => link === name && family === 4));
  const { met, found, links, steps } = reversePath(host.realServer.facts, suspects);
  if (met) return [];
  return [
    {
      code: "reverse-path-filter",
      severity: "note",
      where: links.join(", "),
      what: `${found}, and the default route leaves by another interface.`,
      why: "If the director is reached by it, packets of clients from other networks are dropped.",
      remedy: { kind: "advice", command: commandOf(sysctlRemedy(steps)) },
    },
  ];
};
