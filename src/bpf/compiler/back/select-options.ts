/** What instruction selection is told besides the function. */
import type { Reg } from "../../ir.ts";

export interface SelectOptions {
  /** Offset of each stack slot from the frame pointer (negative). */
  readonly slotOffsets: readonly number[];
  /** Bytes of the frame they take. */
  readonly slotBytes: number;
  /** Registers that hold the context pointer: immediate stores through them are not allowed. */
  readonly contexts: ReadonlySet<Reg>;
  /** Registers whose value is known to fit 32 bits unsigned. */
  readonly narrow?: ReadonlySet<Reg>;
  /** Byte order of the machine that runs the program. Default: this machine's. */
  readonly bigEndian?: boolean;
}
