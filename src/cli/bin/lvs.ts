import type { Administration } from "../../ipvs/administration.ts";
import { useCompileCache } from "../compile-cache.ts";

useCompileCache();
const [{ runLvs }, { ClosedOutputError, writeStandard }] = await Promise.all([
  import("../lvs/run.ts"),
  import("../standard-streams.ts"),
]);

let director: Administration | undefined;
try {
  process.exitCode = await runLvs(process.argv.slice(2), {
    stdout: (text) => writeStandard("stdout", text),
    stderr: (text) => writeStandard("stderr", text),
    administration: async () => {
      const { openAdministration } = await import("../../ipvs/index.ts");
      director ??= openAdministration();
      return director;
    },
  });
} catch (error) {
  if (!(error instanceof ClosedOutputError)) throw error;
  process.exitCode = error.exit;
} finally {
  director?.close();
}
