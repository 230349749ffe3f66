/** How every command ends as a process. */
import { ClosedOutputError, writeStandard } from "./standard-streams.ts";

/**
 * Runs a command as this process: the status that it comes to becomes the process's. What it throws is said on the standard error, and
 * the status is `failed`; but if nobody reads what it writes any more, nothing is said, and the status is as of a process that SIGPIPE
 * ended.
 *
 * @param program the name in front of the message
 */
export async function asProcess(program: string, failed: number, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await reporting(program, failed, run);
  } catch (error) {
    if (!(error instanceof ClosedOutputError)) throw error;
    process.exitCode = error.exit;
  }
}

async function reporting(program: string, failed: number, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ClosedOutputError) throw error;
    writeStandard("stderr", failureText(program, error));
    return failed;
  }
}

/** What is said of a failure. LVS_DEBUG=1 shows where it came from. */
export function failureText(program: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const detail = process.env.LVS_DEBUG && error instanceof Error ? `\n${error.stack}` : "";
  return `${program}: ${message}${detail}\n`;
}
