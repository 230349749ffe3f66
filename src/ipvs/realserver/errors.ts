/**
 * Why a real server was not set up or taken down. Nothing has changed.
 *
 * - INVALID_VIP: no host can have this address, or not as a virtual one
 * - OBSTACLE: something on this host is in the way
 * - OTHER_MODE: it is set up for another way of forwarding
 * - FAILED: a step failed, and those before it were undone; `cause` says why
 */
export type RealServerErrorCode = "INVALID_VIP" | "OBSTACLE" | "OTHER_MODE" | "FAILED";

export class RealServerError extends Error {
  override readonly name = "RealServerError";
  readonly code: RealServerErrorCode;

  constructor(code: RealServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
