import type { LoadedProgram } from "./loaded-program.ts";

/** Which packets of an interface: those that it receives, or those that it is about to send. */
export type Direction = "ingress" | "egress";

/** A program at an interface, however it is held there. */
export interface Attachment {
  /** The kernel-wide number of the program that runs; undefined when it is no longer attached. */
  programId(): number | undefined;
  /** From the next packet on, `program` runs instead of the one before: no packet sees neither or both. */
  update(program: LoadedProgram): void;
  /** Takes the program off. */
  detach(): void;
}
