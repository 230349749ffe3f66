import { CASES } from "./cases.ts";
import { measureCase, type ProgramFigures, UnmeasurableError } from "./measure.ts";

/** Measures all cases, or those whose names contain one of the given texts; says which could not be. */
export async function measureAll(wanted?: readonly string[]): Promise<ProgramFigures[]> {
  const figures: ProgramFigures[] = [];
  for (const each of CASES) {
    const name = each.name.toLowerCase();
    if (wanted !== undefined && !wanted.some((part) => name.includes(part.toLowerCase()))) continue;
    try {
      figures.push(await measureCase(each));
    } catch (error) {
      if (!(error instanceof UnmeasurableError)) throw error;
      console.error(error.message);
      process.exitCode = 1;
    }
  }
  return figures;
}
