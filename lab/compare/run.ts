import { type Director, hasReference, ourDirector, referenceDirector } from "./director.ts";
import { Play, type Stage } from "./play.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";
import { World } from "./world.ts";

const CONNECTIONS = 4096;
const MOST_SHOWN = 60;
const DONE = 0;
const DIFFERENT = 1;
const IMPOSSIBLE = 2;

/** Which directors are put on the traffic: "ip_vs" and "lvs", or one of them twice. */
type Kind = string;

/**
 * Plays all scenarios whose name contains one of `wanted` (none: all), and reports a line each, with all differences.
 * Gives the exit status.
 */
export async function runScenarios(
  kinds: readonly [Kind, Kind],
  wanted: readonly string[],
  say: (line: string) => void,
): Promise<number> {
  const unknown = kinds.find((kind) => kind !== "ip_vs" && kind !== "lvs");
  if (unknown !== undefined) {
    say(`there is no director "${unknown}": there are ip_vs and lvs`);
    return IMPOSSIBLE;
  }
  if (process.getuid?.() !== 0) {
    say("this needs root: it makes network namespaces");
    return IMPOSSIBLE;
  }
  if (kinds.includes("ip_vs") && !hasReference()) {
    say("this host has no ip_vs or no ipvsadm: install ipvsadm, and load the module (modprobe ip_vs)");
    return IMPOSSIBLE;
  }
  const chosen = SCENARIOS.filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  );
  say(`${kinds[0]} and ${kinds[1]}, ${chosen.length} scenarios`);
  let different = 0;
  for (const scenario of chosen) {
    const began = performance.now();
    const outcome = await playOne(kinds, scenario);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const sum = `${outcome.connections} conversations, ${outcome.packets} packets sent, ${outcome.answers} came out`;
    say(
      `${outcome.differences.length === 0 ? "same     " : "DIFFERENT"}  ${scenario.name}: ${sum}; ${seconds} s`,
    );
    for (const line of outcome.differences.slice(0, MOST_SHOWN)) say(`    ${line}`);
    if (outcome.differences.length > MOST_SHOWN)
      say(`    … ${outcome.differences.length - MOST_SHOWN} more lines`);
    if (outcome.differences.length > 0) different++;
  }
  say(different === 0 ? "no difference" : `${different} of ${chosen.length} scenarios differ`);
  return different === 0 ? DONE : DIFFERENT;
}

async function playOne(kinds: readonly [Kind, Kind], scenario: Scenario): Promise<Play> {
  const stages: Stage[] = [];
  try {
    for (const [index, kind] of kinds.entries()) {
      const world = new World(`lvs-compare-${process.pid}-${index}`, scenario.mtu);
      const director: Director =
        kind === "ip_vs" ? referenceDirector(world.director) : ourDirector(world.director, CONNECTIONS);
      stages.push({ world, director });
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
