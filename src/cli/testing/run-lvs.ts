import type { Administration } from "../../ipvs/administration.ts";
import { runLvs } from "../lvs/run.ts";
import { MemoryAdministration } from "./memory-administration.ts";

/** Runs `lvs` with the words of a line, on a director (an empty one if none is given). */
export async function runCommand(
  line: string,
  director: Administration = new MemoryAdministration(),
): Promise<{ status: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const status = await runLvs(line.split(" "), {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    administration: async () => director,
  });
  return { status, stdout, stderr };
}
