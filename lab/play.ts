import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Console, LabFailure } from "./console.ts";
import type { Entry, Experiment } from "./experiment.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, nodesLeftUp, removeNetwork } from "./network.ts";
import { capture } from "./process.ts";
import { filesOf, labEnvironment, Stage } from "./stage.ts";

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
    mkdirSync(filesOf(prefix), { recursive: true, mode: 0o755 });
    buildNetwork(plan);
    await experiment.run(stage);
    done = true;
  } finally {
    if (keep && done) {
      farewell(name, plan, experiment.entries, console);
      stage.leave();
    } else {
      await stage.end();
      await removeLab(prefix, [experiment]);
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

/**
 * Takes down what there is of experiments whose namespaces begin with that prefix: the balancers' state, the servers, the namespaces and
 * files. It does not matter how far they had come.
 */
export async function removeLab(prefix: string, experiments: Iterable<Experiment>): Promise<void> {
  const commands = [...experiments].flatMap(({ takeDown = [] }) => takeDown);
  const unload = { node: "director", command: "lvs unload" };
  const left = new Set(nodesLeftUp(prefix));
  const seen = new Set<string>();
  for (const { node, command } of [...commands, unload]) {
    const namespace = `${prefix}-${node}`;
    const key = `${node} ${command}`;
    if (!left.has(namespace) || seen.has(key)) continue;
    seen.add(key);
    // Whatever was not there need not go.
    await capture(namespace, ["sh", "-c", command], undefined, labEnvironment()).catch(() => {});
  }
  removeNetwork(prefix);
  rmSync(filesOf(prefix), { recursive: true, force: true });
}
