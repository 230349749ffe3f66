import type { Command } from "../../ipvs/administration.ts";
import type { ServiceKey, Timeouts } from "../../ipvs/model.ts";
import {
  daemonCommand,
  localAddressCommand,
  schedulerOf,
  serverCommand,
  serviceCommand,
} from "./commands.ts";
import { TRY_HELP } from "./help.ts";
import { checkCommandOptions } from "./legality.ts";
import { type ListRequest, listRequest } from "./list-request.ts";
import type { Names } from "./names.ts";
import { OptionReader } from "./option-reader.ts";
import { readOptions } from "./read-options.ts";
import { UsageError } from "./usage-error.ts";
import { readSchedulerFlags, readSyncRole, readTimeout } from "./values.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "change"; readonly command: Command }
  | { readonly kind: "list"; readonly request: ListRequest }
  | { readonly kind: "save"; readonly numeric: boolean }
  /** `service` null: of all services. */
  | { readonly kind: "local-addresses"; readonly service: ServiceKey | null; readonly numeric: boolean }
  | { readonly kind: "restore" }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/**
 * Reads a command line of `ipvsadm`.
 *
 * Of several faults the one is reported that ipvsadm 1.31 finds first: the first option is no command; a repeated
 * option, a bad value, an unknown option, in the order of the line; values of `--set`; superfluous words; scheduler
 * flags; options that do not go with the command; values that do not go with each other.
 *
 * @param words the line without the program's name
 */
export function parse(words: readonly string[], names: Names): Invocation | UsageError {
  try {
    return read(words, names);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

function read(words: readonly string[], names: Names): Invocation {
  if (words.length === 0) return { kind: "list", request: listRequest(new Set(), null) };
  const reader = new OptionReader(words);
  const first = reader.next();
  if (first === null || "problem" in first || first.spec.means.kind !== "command") {
    throw new UsageError(TRY_HELP.trimEnd(), 255);
  }
  const command = first.spec.means.name;
  if (command === "help" || command === "version") return { kind: command };
  const daemon =
    command === "start-daemon" || command === "stop-daemon"
      ? { kind: command, role: readSyncRole(first.value!, command) }
      : null;

  const settings = readOptions(reader, names);
  const timeouts = command === "set" ? readTimeouts(reader.arguments) : null;
  const superfluous = reader.arguments[timeouts === null ? 0 : 3];
  if (superfluous !== undefined) throw new UsageError(`unexpected argument ${superfluous}`);
  const flags = readSchedulerFlags(settings.schedulerFlags, schedulerOf(settings));
  checkCommandOptions(command, settings.given);

  const { given, service } = settings;
  switch (command) {
    case "add-service":
    case "edit-service":
      return change(serviceCommand(command, service!, settings, flags));
    case "delete-service":
      return change({ kind: command, key: service! });
    case "add-server":
      return change(serverCommand("add-destination", service!, settings));
    case "edit-server":
      return change(serverCommand("edit-destination", service!, settings));
    case "delete-server":
      return change({ kind: "delete-destination", service: service!, destination: settings.server! });
    case "flush":
      return change({ kind: command });
    case "zero":
      return change({ kind: command, service });
    case "set":
      return change({ kind: "set-timeouts", timeouts: timeouts! });
    case "start-daemon":
    case "stop-daemon":
      return change(daemonCommand(daemon!.kind, daemon!.role, settings));
    case "add-laddr":
      return change(localAddressCommand("add-local-address", service!, settings));
    case "del-laddr":
      return change(localAddressCommand("delete-local-address", service!, settings));
    case "get-laddr":
      return { kind: "local-addresses", service, numeric: given.has("numeric") };
    case "list":
      return { kind: command, request: listRequest(given, service) };
    case "save":
      return { kind: command, numeric: given.has("numeric") };
    case "restore":
      return { kind: command };
  }
}

function change(command: Command): Invocation {
  return { kind: "change", command };
}

function readTimeouts(words: readonly string[]): Timeouts {
  const [tcp, tcpFin, udp] = words;
  if (tcp === undefined || tcpFin === undefined || udp === undefined) {
    throw new UsageError("--set option requires 3 timeout values");
  }
  return { tcp: readTimeout(tcp), tcpFin: readTimeout(tcpFin), udp: readTimeout(udp) };
}
