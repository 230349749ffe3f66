import { LabFailure } from "./console.ts";
import { lines } from "./process.ts";
import type { Stage } from "./stage.ts";

/** Who should serve how much. */
export interface Share {
  readonly name: string;
  /** As configured. */
  readonly weight: number;
}

/** Requests of one client. */
export interface Requests {
  readonly url: string;
  /** Each a connection of its own. */
  readonly count: number;
  /** Default: "client". */
  readonly node?: string;
  /** The address they come from. Default: the kernel's choice. */
  readonly source?: string;
}

/** Sends requests, each from a port that none of this lab had before, and gives the answers, a line each. */
export function answersTo(stage: Stage, requests: Requests): AsyncIterable<string> {
  const { url, count, node = "client", source } = requests;
  const words = [
    url,
    String(count),
    String(stage.takePorts(count)),
    ...(source === undefined ? [] : [source]),
  ];
  return lines(stage.script(node, "web-client", "get", ...words));
}

/** Sends requests, with a progress bar, and counts who answered: the first word of each answer. */
export async function askWho(stage: Stage, requests: Requests): Promise<Map<string, number>> {
  const { count } = requests;
  const served = new Map<string, number>();
  let answers = 0;
  for await (const line of answersTo(stage, requests)) {
    const [name = ""] = line.split(" ");
    served.set(name, (served.get(name) ?? 0) + 1);
    answers++;
    const text = [...served].map(([server, times]) => `${server} ${times}`).join("  ");
    stage.console.progress(answers / count, text);
  }
  stage.console.progressDone();
  if (answers !== count) throw new LabFailure(`${count} requests, but ${answers} answers`);
  return served;
}

/**
 * Sends requests and shows who served how many beside what the weights promise. Throws LabFailure if that is not the
 * same; `count` is to be a whole number of turns of the weights.
 */
export async function askByWeight(stage: Stage, shares: readonly Share[], requests: Requests): Promise<void> {
  const served = await askWho(stage, requests);
  const weights = shares.reduce((sum, { weight }) => sum + weight, 0);
  const rows = shares.map(({ name, weight }) => ({
    name,
    weight,
    expected: (requests.count * weight) / weights,
    served: served.get(name) ?? 0,
  }));
  stage.console.table(
    ["server", "weight", "promised", "served"],
    rows.map((row) => [row.name, String(row.weight), String(row.expected), String(row.served)]),
  );
  if (rows.some((row) => row.served !== row.expected)) {
    throw new LabFailure(
      `the weights promise ${rows.map((row) => row.expected).join(" : ")}, but ${rows.map((row) => row.served).join(" : ")} were served`,
    );
  }
}
