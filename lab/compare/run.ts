import { hasReference, ourDirector, referenceDirector } from "./director.ts";
import { Play, type Stage } from "./play.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedWorld, simulatedDirector } from "./simulated.ts";
import { KernelWorld } from "./world.ts";

const CONNECTIONS = 4096;
const DONE = 0;
const DIFFERENT = 1;
const IMPOSSIBLE = 2;

/** Which directors may be put on the traffic: the kernel's ip_vs, ours in the kernel, ours in the simulator. */
export const KINDS = ["ip_vs", "lvs", "simulator"] as const;
export type Kind = (typeof KINDS)[number];

/** Plays scenarios and reports a line each, with the first `lines` of what differed. Gives the exit status. */
export async function runScenarios(
  kinds: readonly Kind[],
  scenarios: readonly Scenario[],
  say: (line: string) => void,
  lines = 24,
): Promise<number> {
  if (process.getuid?.() !== 0 && kinds.some((kind) => kind !== "simulator")) {
    say("this needs root: it makes network namespaces");
    return IMPOSSIBLE;
  }
  if (kinds.includes("ip_vs") && !hasReference()) {
    say("this host has no ip_vs or no ipvsadm: install ipvsadm, and load the module (modprobe ip_vs)");
    return IMPOSSIBLE;
  }
  say(`${kinds.join(" and ")}, ${scenarios.length} scenarios`);
  let different = 0;
  for (const scenario of scenarios) {
    const began = performance.now();
    const outcome = await playOne(kinds, scenario);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const sum = `${outcome.connections} conversations, ${outcome.packets} packets sent, ${outcome.answers} came out`;
    say(
      `${outcome.differences.length === 0 ? "same     " : "DIFFERENT"}  ${scenario.name}: ${sum}; ${seconds} s`,
    );
    for (const line of outcome.differences.slice(0, lines)) say(`    ${line}`);
    if (outcome.differences.length > lines) say(`    … ${outcome.differences.length - lines} more lines`);
    if (outcome.differences.length > 0) different++;
  }
  say(different === 0 ? "no difference" : `${different} of ${scenarios.length} scenarios differ`);
  return different === 0 ? DONE : DIFFERENT;
}

function stageOf(kind: Kind, index: number, { mtu }: Scenario): Stage {
  if (kind === "simulator") {
    const world = new SimulatedWorld(CONNECTIONS, mtu);
    return { world, director: simulatedDirector(world) };
  }
  const world = new KernelWorld(`lvs-compare-${process.pid}-${index}`, mtu);
  try {
    const make = kind === "ip_vs" ? referenceDirector : ourDirector;
    return { world, director: make(world.director, CONNECTIONS) };
  } catch (error) {
    world.close();
    throw error;
  }
}

/** Plays one scenario on new directors; what broke it off is among the differences. */
export async function playOne(kinds: readonly Kind[], scenario: Scenario): Promise<Play> {
  const stages: Stage[] = [];
  try {
    for (const [index, kind] of kinds.entries()) {
      stages.push(stageOf(kind, index, scenario));
    }
    const play = new Play(stages);
    try {
      await scenario.run(play);
    } catch (error) {
      play.differences.push(`the scenario broke off: ${(error as Error).stack ?? error}`);
    }
    return play;
  } finally {
    for (const { world, director } of stages) {
      director.close();
      world.close();
    }
  }
}
