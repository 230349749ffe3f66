import type { Administration } from "../../ipvs/administration.ts";
import { asProcess } from "../as-process.ts";
import { readStandardInput, writeStandard } from "../standard-streams.ts";
import type { IpvsadmEnvironment } from "./environment.ts";
import { type Names, NO_NAMES } from "./names.ts";

/** Exit status where something failed that the command cannot help. */
const FAILED = 255;

/** One of the commands, without its process. */
type Run = (words: readonly string[], environment: IpvsadmEnvironment) => number;

/** The command needs more than its words: a director, or names. */
class NeedsMoreError extends Error {}

/**
 * Runs a command as this process: words, standard streams, exit status. What talks to the kernel is loaded only if
 * the command needs it, so that `--help` and faulty command lines are answered at once.
 *
 * @param program the name in front of error messages
 */
export async function main(program: string, run: Run): Promise<void> {
  const words = process.argv.slice(2);
  await asProcess(
    program,
    FAILED,
    async () => runWithoutKernel(words, run) ?? (await runWithKernel(words, run)),
  );
}

/** Null if that is not possible; then nothing has been said or done. */
function runWithoutKernel(words: readonly string[], run: Run): number | null {
  const output: (() => void)[] = [];
  const needsMore = (): never => {
    throw new NeedsMoreError();
  };
  const names = Object.fromEntries(
    Object.keys(NO_NAMES).map((name) => [name, needsMore]),
  ) as unknown as Names;
  try {
    const status = run(words, {
      administration: needsMore,
      stdin: needsMore,
      stdout: (text) => output.push(() => writeStandard("stdout", text)),
      stderr: (text) => output.push(() => writeStandard("stderr", text)),
      names,
    });
    for (const write of output) write();
    return status;
  } catch (error) {
    if (error instanceof NeedsMoreError) return null;
    throw error;
  }
}

async function runWithKernel(words: readonly string[], run: Run): Promise<number> {
  const [{ openAdministration }, { systemNames }] = await Promise.all([
    import("../../ipvs/index.ts"),
    import("../system-names.ts"),
  ]);
  let director: Administration | undefined;
  try {
    return run(words, {
      administration: () => (director ??= openAdministration()),
      stdin: readStandardInput,
      stdout: (text) => writeStandard("stdout", text),
      stderr: (text) => writeStandard("stderr", text),
      names: systemNames(),
    });
  } finally {
    director?.close();
  }
}
