/**
 * Why a real server was not set up or taken down. Nothing has changed, but after HALF_DONE.
 *
 * - INVALID_VIP: no host can have this address, or not as a virtual one
 * - OBSTACLE: something on this host is in the way
 * - OTHER_MODE: it is set up for another way of forwarding
 * - FAILED: a step failed, and those before it were undone; `cause` says why
 * - HALF_DONE: the same, but some could not be undone; starting or stopping again goes on from there
 */
export type RealServerErrorCode = "INVALID_VIP" | "OBSTACLE" | "OTHER_MODE" | "FAILED" | "HALF_DONE";

export class RealServerError extends Error {
  override readonly name = "RealServerError";
  readonly code: RealServerErrorCode;

  constructor(code: RealServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
