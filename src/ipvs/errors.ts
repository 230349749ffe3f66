import { type DestinationKey, destinationId, type ServiceKey, serviceId } from "./model.ts";

/**
 * Why IPVS refused: the name of the errno the kernel's IPVS gives in the same situation.
 *
 * - ESRCH: the service does not exist (stopping a sync daemon: it does not run)
 * - ENOENT: the destination or local address does not exist (adding or editing a service: no such scheduler or
 *   persistence engine; setting a sysctl: it does not exist)
 * - EEXIST: the service, destination, local address or daemon exists already
 * - EINVAL: a value is not allowed; for a destination or local address also: it is not unicast
 * - ERANGE: a weight or threshold is out of range (lower threshold above the upper)
 * - ENODEV: the sync daemon's interface does not exist
 * - EOPNOTSUPP: known to IPVS, not implemented here yet (`NotSupportedError`)
 * - EPERM: not allowed to administer this network namespace
 * - ENOMEM, ENOSPC: a table is full
 * - EBUSY: another command holds the lock longer than we wait
 * - EIO: the state found is unusable (foreign or damaged); the message says what and what to do
 */
export type IpvsErrorCode =
  | "ESRCH"
  | "ENOENT"
  | "EEXIST"
  | "EINVAL"
  | "ERANGE"
  | "ENODEV"
  | "EOPNOTSUPP"
  | "EPERM"
  | "ENOMEM"
  | "ENOSPC"
  | "EBUSY"
  | "EIO";

/** What was asked, when it was refused. The kinds of `Command`, and three for what is not one. */
export type Operation =
  | "open"
  | "list"
  | "end-connections"
  | "add-service"
  | "edit-service"
  | "delete-service"
  | "flush"
  | "add-destination"
  | "edit-destination"
  | "delete-destination"
  | "add-local-address"
  | "delete-local-address"
  | "zero"
  | "set-timeouts"
  | "set-sysctl"
  | "change-rules"
  | "start-daemon"
  | "stop-daemon";

/** The circumstances of an `IpvsError`. */
export interface IpvsErrorFacts {
  readonly operation: Operation;
  readonly service?: ServiceKey | null;
  readonly destination?: DestinationKey | null;
  /** A sentence for this very case; without it one is made from the code and the operation. */
  readonly message?: string;
  readonly cause?: unknown;
}

/** IPVS refused a command. Nothing of that command has taken effect. */
export class IpvsError extends Error {
  override readonly name: string = "IpvsError";
  readonly code: IpvsErrorCode;
  readonly operation: Operation;
  readonly service: ServiceKey | null;
  readonly destination: DestinationKey | null;
  /** True if `message` was written for this case and says more than the code does. */
  readonly explained: boolean;

  constructor(code: IpvsErrorCode, facts: IpvsErrorFacts) {
    super(facts.message ?? describe(code, facts), { cause: facts.cause });
    this.code = code;
    this.operation = facts.operation;
    this.service = facts.service ?? null;
    this.destination = facts.destination ?? null;
    this.explained = facts.message !== undefined;
  }
}

/** What was asked for cannot be, whatever the state of the system: `code` says why. Nothing has changed. */
export abstract class RequestError extends Error {
  abstract readonly code: string;
}

/** The command is right, and IPVS knows it, but this implementation does not do it yet. Nothing was changed. */
export class NotSupportedError extends IpvsError {
  override readonly name: string = "NotSupportedError";
  /** What is missing, in the terms of the field: "IPv6", "direct routing (-g)"… */
  readonly feature: string;

  constructor(feature: string, facts: IpvsErrorFacts) {
    super("EOPNOTSUPP", { ...facts, message: facts.message ?? `not supported yet: ${feature}` });
    this.feature = feature;
  }
}

/** There is no sysctl of that name (code ENOENT). */
export class UnknownSysctlError extends IpvsError {
  override readonly name: string = "UnknownSysctlError";
  /** As asked for, without prefix. */
  readonly sysctl: string;

  constructor(sysctl: string) {
    super("ENOENT", { operation: "set-sysctl", message: `no such sysctl: ${sysctl}` });
    this.sysctl = sysctl;
  }
}

/** A sysctl does not take that value (code EINVAL). */
export class SysctlValueError extends IpvsError {
  override readonly name: string = "SysctlValueError";
  readonly sysctl: string;
  readonly value: string;

  /** `expected` says what would be right: "0 or 1", "a number from 0 to 100"… */
  constructor(sysctl: string, value: string, expected: string) {
    super("EINVAL", { operation: "set-sysctl", message: `${sysctl}: "${value}" is not ${expected}` });
    this.sysctl = sysctl;
    this.value = value;
  }
}

const REASONS: Record<IpvsErrorCode, string> = {
  ESRCH: "no such service",
  ENOENT: "no such destination",
  EEXIST: "exists already",
  EINVAL: "invalid value",
  ERANGE: "value out of range",
  ENODEV: "no such device",
  EOPNOTSUPP: "not supported",
  EPERM: "not permitted (you must be root)",
  ENOMEM: "out of memory",
  ENOSPC: "table full",
  EBUSY: "busy",
  EIO: "unusable state",
};

function describe(code: IpvsErrorCode, facts: IpvsErrorFacts): string {
  const reason = (code === "ENOENT" && missing(facts.operation)) || REASONS[code];
  const subject = [
    facts.service ? serviceId(facts.service) : "",
    facts.destination ? `-> ${destinationId(facts.destination)}` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
  return subject === "" ? `${facts.operation}: ${reason}` : `${facts.operation} ${subject}: ${reason}`;
}

/** What ENOENT says is missing, where that is not a destination. */
function missing(operation: Operation): string | null {
  if (operation.endsWith("-service")) return "no such scheduler or persistence engine";
  return operation.endsWith("-local-address") ? "no such local address" : null;
}
