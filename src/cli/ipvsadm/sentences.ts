import type { IpvsError, IpvsErrorCode, Operation } from "../../ipvs/errors.ts";

type Sentences = Partial<Record<IpvsErrorCode, string>>;

const SERVICE_EXISTS = "Service already exists";
const NO_SCHEDULER = "Scheduler or persistence engine not found";
const NO_SERVICE = "No such service";
const SERVICE_NOT_DEFINED = "Service not defined";
const NO_DESTINATION = "No such destination";

/** What ipvsadm says of an error in each situation. */
const SENTENCES: Partial<Record<Operation, Sentences>> = {
  list: { ESRCH: NO_SERVICE },
  "add-service": { EEXIST: SERVICE_EXISTS, ENOENT: NO_SCHEDULER },
  "edit-service": { ESRCH: NO_SERVICE, ENOENT: NO_SCHEDULER },
  "delete-service": { ESRCH: NO_SERVICE },
  zero: { ESRCH: NO_SERVICE },
  "add-destination": { ESRCH: SERVICE_NOT_DEFINED, EEXIST: "Destination already exists" },
  "edit-destination": { ESRCH: SERVICE_NOT_DEFINED, ENOENT: NO_DESTINATION },
  "delete-destination": { ESRCH: SERVICE_NOT_DEFINED, ENOENT: NO_DESTINATION },
  "add-local-address": { ESRCH: SERVICE_NOT_DEFINED, EEXIST: "Local address already exists" },
  "delete-local-address": { ESRCH: SERVICE_NOT_DEFINED, ENOENT: "No such local address" },
  "start-daemon": { EEXIST: "Daemon has already run" },
  "stop-daemon": { ESRCH: "No daemon is running" },
};

/** Reasons that lie with this implementation or machine: where a message was written for the case, it says more. */
const OWN_WORDS: ReadonlySet<IpvsErrorCode> = new Set([
  "EOPNOTSUPP",
  "EPERM",
  "ENOMEM",
  "ENOSPC",
  "EBUSY",
  "EIO",
]);

/** What ipvsadm says where the situation makes no difference. */
const GENERAL: Sentences = {
  EINVAL: "Invalid operation.  Possibly wrong module version, address not unicast, ...",
  EPERM: "Permission denied (you must be root)",
  ERANGE: "Numerical result out of range",
  ENODEV: "No such device",
  ENOMEM: "Memory allocation problem",
  ENOSPC: "No space left on device",
};

/**
 * The sentence `ipvsadm` prints for an error, without the final line feed: its own words where it has some, the
 * error's message otherwise.
 */
export function sentence(error: IpvsError): string {
  if (error.explained && OWN_WORDS.has(error.code)) return error.message;
  return SENTENCES[error.operation]?.[error.code] ?? GENERAL[error.code] ?? error.message;
}
