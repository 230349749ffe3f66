import type { Datapath } from "./datapath.ts";

/**
 * Brings the datapath up to date with the interfaces there are, behind a change that is published: the change holds whatever becomes of
 * that, and so it is no failure of the change. What goes wrong is a warning of the process; the next change tries again.
 */
export function refreshBehind(datapath: Pick<Datapath, "refresh">): void {
  try {
    datapath.refresh();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    process.emitWarning(`what was asked for is done, but not everywhere: ${error.message}`, {
      type: "DatapathWarning",
      code: "LVS_REFRESH",
    });
  }
}
