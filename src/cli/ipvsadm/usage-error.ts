/** The command line is wrong: nothing was asked of the director. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "EUSAGE";
  /** Exit status: 2 for wrong use and bad values, 255 for what is no option. */
  readonly exit: 2 | 255;
  /** Whether `ipvsadm -R` goes on with the next line. */
  readonly recoverable: boolean;

  /** @param message what to print, without the final line feed */
  constructor(message: string, exit: 2 | 255 = 2, recoverable = false) {
    super(message);
    this.exit = exit;
    this.recoverable = recoverable;
  }
}
