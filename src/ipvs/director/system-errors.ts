import { hasCode } from "../../linux/index.ts";
import { IpvsError, type IpvsErrorCode, type Operation, RequestError } from "../errors.ts";

const SAME_NAME: ReadonlySet<string> = new Set<IpvsErrorCode>(["EPERM", "ENOMEM", "ENOSPC", "EBUSY"]);

/** Runs `work`; what goes wrong in the system below becomes an IpvsError that says what it was. A RequestError stays what it is. */
export function fromSystem<T>(operation: Operation, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (
      error instanceof IpvsError ||
      error instanceof RequestError ||
      !(error instanceof Error) ||
      !("code" in error)
    )
      throw error;
    const code = SAME_NAME.has(String(error.code)) ? (error.code as IpvsErrorCode) : "EIO";
    const permission = hasCode(error, "EACCES") || code === "EPERM";
    throw new IpvsError(permission ? "EPERM" : code, { operation, message: error.message, cause: error });
  }
}
