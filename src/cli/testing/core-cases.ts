import type { Command } from "../../ipvs/administration.ts";
import type { ServiceKey } from "../../ipvs/model.ts";
import type { Names } from "../ipvsadm/names.ts";
import { parse } from "../ipvsadm/parse.ts";
import { UsageError } from "../ipvsadm/usage-error.ts";
import type { RecordedCase } from "./recordings.ts";

/**
 * Options of what is not supported yet. A case that says one of them may still come out right, where the fault is
 * found before the director is asked.
 */
const LATER =
  /^(-f|-6|-p|-M|-o|-b|-g|-i|--(sctp|fwmark|ipv6|persistent(?!-conn)|netmask|ops|pe|sched|gate|ipip|tun|syncid|sync-|mcast|start-|stop-|daemon|dae|per$).*)/;

const LATER_SCHEDULERS = new Set("lblc lblcr dh sh sed nq fo ovf mh".split(" "));

/**
 * Whether a case needs nothing beyond NAT of TCP and UDP over IPv4 with the schedulers rr, wrr, lc and wlc: a
 * director of this version must pass it.
 */
export function isCore({ steps }: RecordedCase, names: Names): boolean {
  return steps.every(({ argv, stdin }) => {
    const lines = (stdin ?? "").split("\n").map((line) => line.split(/\s+/).filter((word) => word !== ""));
    return [argv.slice(1), ...lines].every((words) => isCoreLine(words, names));
  });
}

function isCoreLine(words: readonly string[], names: Names): boolean {
  if (words.some((word) => LATER.test(word) || /^-[A-Za-z]*[fpMobgi6]/.test(word))) return false;
  if (words.some((word) => word.startsWith("[") || /:.*:/.test(word))) return false;
  const invocation = parse(words[0] === "ipvsadm" ? words.slice(1) : words, names);
  if (invocation instanceof UsageError) return true;
  return invocation.kind !== "change" || isCoreCommand(invocation.command);
}

function isCoreCommand(command: Command): boolean {
  switch (command.kind) {
    case "add-service":
    case "edit-service": {
      const { key, scheduler, schedulerFlags, persistence, engine, onePacket } = command.service;
      const plain = schedulerFlags === 0 && persistence === null && engine === null && !onePacket;
      return plain && isCoreKey(key) && !LATER_SCHEDULERS.has(scheduler);
    }
    case "add-destination":
    case "edit-destination":
      return (
        isCoreKey(command.service) &&
        command.destination.family === 4 &&
        command.destination.method === "masquerade"
      );
    case "delete-service":
      return isCoreKey(command.key);
    case "delete-destination":
      return isCoreKey(command.service);
    case "zero":
      return command.service === null || isCoreKey(command.service);
    case "flush":
    case "set-timeouts":
      return true;
    default:
      return false;
  }
}

function isCoreKey(key: ServiceKey): boolean {
  return key.kind === "address" && key.family === 4 && key.protocol !== "sctp";
}
