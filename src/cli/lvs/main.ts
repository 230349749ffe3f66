import type { Administration } from "../../ipvs/administration.ts";
import { asProcess } from "../as-process.ts";
import { writeStandard } from "../standard-streams.ts";
import { FAILED, runLvs } from "./run.ts";

/** Runs `lvs` as this process: words, standard streams, exit status. */
export async function main(): Promise<void> {
  let director: Administration | undefined;
  const environment = {
    stdout: (text: string) => writeStandard("stdout", text),
    stderr: (text: string) => writeStandard("stderr", text),
    administration: async () => {
      const { openAdministration } = await import("../../ipvs/index.ts");
      director ??= openAdministration();
      return director;
    },
  };
  await asProcess("lvs", FAILED, () =>
    runLvs(process.argv.slice(2), environment).finally(() => director?.close()),
  );
}
