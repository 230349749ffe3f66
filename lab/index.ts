import { streamConsole } from "./console.ts";
import { natLab, removeNatLab } from "./nat.ts";

export { LabFailure } from "./console.ts";

/** How `lvs lab` was called. */
export interface LabRequest {
  readonly name: string;
  /** Leave it up. */
  readonly keep: boolean;
  /** Take down one that was left up. */
  readonly remove: boolean;
}

/** The labs there are, with a line about each. */
export const LABS: ReadonlyMap<string, string> = new Map([
  ["nat", "a client, a director and three real servers; NAT, weighted round robin"],
]);

/** Runs a lab on standard output. Ctrl-C cleans up and rejects. Throws LabFailure if it does not keep its promise. */
export async function runLab({ name, keep, remove }: LabRequest): Promise<void> {
  if (!LABS.has(name))
    throw new RangeError(`there is no lab "${name}"; there are: ${[...LABS.keys()].join(", ")}`);
  if (remove) return removeNatLab();
  const controller = new AbortController();
  const interrupt = () => {
    controller.abort(new Error("interrupted"));
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    await natLab({ keep, console: streamConsole(process.stdout), signal: controller.signal });
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}
