import { type DestinationKey, destinationId, type ServiceKey, serviceId } from "./model.ts";

/**
 * Why IPVS refused: the name of the errno the kernel's IPVS gives in the same situation.
 *
 * - ESRCH: the service does not exist (stopping a sync daemon: it does not run)
 * - ENOENT: the destination does not exist (adding or editing a service: no such scheduler or persistence engine)
 * - EEXIST: the service, destination or daemon exists already
 * - EINVAL: a value is not allowed; for a destination also: its address is not unicast
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

/** What was asked, when it was refused. The kinds of `Command`, and "open", "list" for what is not one. */
export type Operation =
  | "open"
  | "list"
  | "add-service"
  | "edit-service"
  | "delete-service"
  | "flush"
  | "add-destination"
  | "edit-destination"
  | "delete-destination"
  | "zero"
  | "set-timeouts"
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
  const reason =
    code === "ENOENT" && facts.operation.endsWith("-service")
      ? "no such scheduler or persistence engine"
      : REASONS[code];
  const subject = [
    facts.service ? serviceId(facts.service) : "",
    facts.destination ? `-> ${destinationId(facts.destination)}` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
  return subject === "" ? `${facts.operation}: ${reason}` : `${facts.operation} ${subject}: ${reason}`;
}
