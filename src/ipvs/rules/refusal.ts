import { IpvsError } from "../errors.ts";

/** Rules that cannot be carried out: `message` says which, and what would be right. */
export function refusal(message: string): IpvsError {
  return new IpvsError("EINVAL", { operation: "change-rules", message });
}

/** There is no room for the rules. */
export function noRoom(message: string): IpvsError {
  return new IpvsError("ENOSPC", { operation: "change-rules", message });
}
