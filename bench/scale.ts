import type { Contender } from "./contender.ts";
import type { BenchLab } from "./lab.ts";
import { connections } from "./workloads/http.ts";

const SERVICES = [1, 100, 1_000, 10_000];

/** What `scale` found for one contender with so many services. */
export interface ScaleRow {
  readonly contender: string;
  readonly services: number;
  readonly programmingSeconds: number;
  readonly connectionsPerSecond: number;
}

/** Programming time and connection rate with more and more services. */
export async function scale(labs: ReadonlyMap<Contender, BenchLab>): Promise<ScaleRow[]> {
  const found: ScaleRow[] = [];
  for (const [contender, lab] of labs) {
    if (contender.program === undefined) continue;
    for (const services of SERVICES) {
      const programmingSeconds = await contender.program(lab, services);
      const { units, seconds } = await connections(lab, contender.target(lab), 3);
      found.push({
        contender: contender.name,
        services,
        programmingSeconds,
        connectionsPerSecond: units / seconds,
      });
      console.log(
        `${contender.name}, ${services} services: ${programmingSeconds.toFixed(2)} s to program, ${(units / seconds).toFixed(0)} connections/s`,
      );
    }
  }
  return found;
}
