import { fileURLToPath } from "node:url";
import { type Console, LabFailure } from "./console.ts";
import type { Entry, Experiment } from "./experiment.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, nodesLeftUp, removeNetwork } from "./network.ts";
import { capture } from "./process.ts";
import { labEnvironment, Stage } from "./stage.ts";

const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));

/** Settings of a run. */
export interface PlaySettings {
  /** The lab's name. */
  readonly name: string;
  /** Names of namespaces begin so. */
  readonly prefix: string;
  /** Leaves the network, the servers and the services up. */
  readonly keep: boolean;
  readonly console: Console;
  /** Aborted by Ctrl-C: what runs is ended and cleaned up. */
  readonly signal: AbortSignal;
}

/**
 * Does an experiment. Rejects with a LabFailure if the balancer does not do what it promises, or if there is a lab
 * already, kept or left behind: nobody's experiment is torn down unasked.
 */
export async function play(experiment: Experiment, settings: PlaySettings): Promise<void> {
  const { name, prefix, keep, console, signal } = settings;
  if (nodesLeftUp(prefix).length > 0) {
    throw new LabFailure(
      `there is a ${name} lab already, left up before: \`lvs lab ${name} --remove\` takes it down`,
    );
  }
  const plan = experiment.plan(prefix);
  const stage = new Stage(plan, console, signal, keep);
  let done = false;
  try {
    buildNetwork(plan);
    await experiment.run(stage);
    done = true;
  } finally {
    if (keep && done) {
      farewell(name, plan, experiment.entries, console);
      stage.leave();
    } else {
      await stage.end();
      await removeLab(prefix);
    }
  }
}

function farewell(name: string, plan: NetworkPlan, entries: readonly Entry[], console: Console): void {
  console.step("Left up");
  for (const { node, command, about } of entries) {
    const full = command.replace(/^(ipvsadm|iptables|lvs)(?= |$)/, program);
    console.say(`ip netns exec ${namespaceOf(plan, node)} ${full}\n    ${about}`);
  }
  console.say(`${program("lvs")} lab ${name} --remove\n    takes it all down`);
}

/** Takes a lab down that was left up: the balancers' state, the servers and the namespaces. */
export async function removeLab(prefix: string): Promise<void> {
  for (const namespace of nodesLeftUp(prefix)) {
    if (!/-director\d*$/.test(namespace)) continue;
    await capture(namespace, [process.execPath, program("lvs"), "unload"], undefined, labEnvironment()).catch(
      () => {},
    );
  }
  removeNetwork(prefix);
}
