import { runLvs } from "../lvs/run.ts";
import { ClosedOutputError, writeStandard } from "../standard-streams.ts";

try {
  process.exitCode = await runLvs(process.argv.slice(2), {
    stdout: (text) => writeStandard("stdout", text),
    stderr: (text) => writeStandard("stderr", text),
  });
} catch (error) {
  if (!(error instanceof ClosedOutputError)) throw error;
  process.exitCode = error.exit;
}
