import { PREROUTING, type Rule } from "./model.ts";
import { isAny } from "./text/parse-addresses.ts";

/** Why a rule could never hold, in the system's words; null if it can. */
export function unsoundRule({ source, destination, protocol, matches, target }: Rule): string | null {
  const asksNothing = [source, destination].some((match) => match?.negated && isAny(match));
  const numbers = { tcp: 6, udp: 17, sctp: 132 };
  const lacksProtocol = matches.some(
    ({ kind }) =>
      (kind === "tcp" || kind === "udp" || kind === "sctp") &&
      (protocol === null || protocol.negated || protocol.number !== numbers[kind]),
  );
  if (asksNothing || lacksProtocol) return "Invalid argument";
  return target?.kind === "jump" && BUILT_IN.has(target.chain) ? "Operation not supported" : null;
}

const BUILT_IN = new Set([PREROUTING, "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);
