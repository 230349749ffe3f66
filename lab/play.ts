import { fileURLToPath } from "node:url";
import { listNetworkNamespaces } from "../src/linux/index.ts";
import { type Console, LabFailure } from "./console.ts";
import type { Entry, Experiment } from "./experiment.ts";
import { forgetMade, madeBy, noteMade } from "./made.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, namespacesOf, removeNamespaces } from "./network.ts";
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
  if (madeBy(prefix, name).length > 0) {
    throw new LabFailure(
      `there is a ${name} lab already, left up before: \`lvs lab ${name} --remove\` takes it down`,
    );
  }
  const plan = experiment.plan(prefix);
  const taken = namespacesOf(plan).filter((each) => listNetworkNamespaces().includes(each));
  if (taken.length > 0) {
    throw new LabFailure(
      `the lab's hosts would be called as network namespaces that are there already, and that it has not made: ${taken.join(", ")}; LVS_LAB_PREFIX gives them other names`,
    );
  }
  const stage = new Stage(plan, console, signal, keep);
  let done = false;
  try {
    noteMade(prefix, name, namespacesOf(plan));
    buildNetwork(plan);
    await experiment.run(stage);
    done = true;
  } finally {
    if (keep && done) {
      farewell(name, plan, experiment.entries, console);
      stage.leave();
    } else {
      await stage.end();
      await removeLab(prefix, name, [experiment]);
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
 * Takes down what there is of a lab: the balancers' state, the servers, the namespaces that it has made, and files. It does not matter how
 * far it had come.
 */
export async function removeLab(
  prefix: string,
  name: string,
  experiments: Iterable<Experiment>,
): Promise<void> {
  const commands = [...experiments].flatMap(({ takeDown = [] }) => takeDown);
  const unload = { node: "director", command: "lvs unload" };
  const left = new Set(madeBy(prefix, name));
  const seen = new Set<string>();
  for (const { node, command } of [...commands, unload]) {
    const namespace = `${prefix}-${node}`;
    const key = `${node} ${command}`;
    if (!left.has(namespace) || seen.has(key)) continue;
    seen.add(key);
    // Whatever was not there need not go.
    await capture(namespace, ["sh", "-c", command], undefined, labEnvironment()).catch(() => {});
  }
  removeNamespaces(left);
  forgetMade(prefix, name);
}
