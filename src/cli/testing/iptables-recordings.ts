/** Replays what the real iptables did: recordings/iptables/*.json. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { RuleAdministration } from "../../ipvs/rules/administration.ts";
import type { RuleNames } from "../../ipvs/rules/text/names.ts";
import { parseNetworks, parseProtocols, parseServices } from "../../linux/index.ts";
import { formatIp, parseIp } from "../../net/index.ts";
import type { IptablesEnvironment, IptablesProgram } from "../iptables/environment.ts";
import { runIptablesProgram } from "../iptables/main.ts";
import { MemoryRules } from "./memory-rules.ts";
import { readRecording, repositoryRoot } from "./recordings.ts";

export interface RecordedIptablesStep {
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RecordedIptablesCase {
  readonly id: string;
  readonly steps: readonly RecordedIptablesStep[];
}

const CRASHED = 139;

/** What came of a step. */
export interface StepOutcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function recordedIptablesCases(): readonly RecordedIptablesCase[] {
  return readdirSync(join(repositoryRoot(), "recordings/iptables"))
    .filter((file) => file.endsWith(".json") && file !== "environment.json")
    .sort()
    .flatMap((file) => readRecording<RecordedIptablesCase[]>(`iptables/${file}`));
}

/** The names that were known when the cases were recorded. */
export function recordedRuleNames(): RuleNames {
  const { names } = readRecording<{ names: Record<"hosts" | "services" | "protocols" | "networks", string> }>(
    "iptables/environment.json",
  );
  const lines = names.hosts.split("\n").map((line) => line.split(" "));
  const hosts = lines.flatMap(([address, ...known]) => {
    const bytes = parseIp(address ?? "");
    return bytes === undefined ? [] : [{ bytes, known }];
  });
  const services = parseServices(names.services);
  const protocols = parseProtocols(names.protocols);
  const networks = parseNetworks(names.networks);
  return {
    hostAddresses: (name, family) =>
      hosts
        .filter(({ bytes, known }) => known.includes(name) && bytes.length === (family === 4 ? 4 : 16))
        .map(({ bytes }) => bytes),
    hostName: (address) => hosts.find(({ bytes }) => formatIp(bytes) === formatIp(address))?.known[0] ?? null,
    networkAddress: (name) => networks.get(name) ?? null,
    servicePort: (name, protocol) => services.port(name, protocol ?? undefined) ?? null,
    serviceName: (port, protocol) => services.name(port, protocol ?? undefined) ?? null,
    protocolNumber: (name) => protocols.number(name) ?? null,
    protocolName: (number) => protocols.name(number) ?? null,
  };
}

/** An environment on rules in memory, and what has been printed so far. */
export function testEnvironment(
  rules: RuleAdministration = new MemoryRules(),
  changes: Partial<IptablesEnvironment> = {},
): { environment: IptablesEnvironment; printed: { stdout: string; stderr: string } } {
  const printed = { stdout: "", stderr: "" };
  const missing = (): never => {
    throw Object.assign(new Error("ENOENT: no such file or directory"), { code: "ENOENT" });
  };
  const environment: IptablesEnvironment = {
    rules: async () => rules,
    names: async () => recordedRuleNames(),
    stdin: () => "",
    stdout: (text) => {
      printed.stdout += text;
    },
    stderr: (text) => {
      printed.stderr += text;
    },
    readFile: (path) => (path === "/dev/null" ? "" : missing()),
    writeFile: (path, text) => {
      if (path !== "/dev/stdout") missing();
      printed.stdout += text;
    },
    now: () => new Date(2026, 10, 30, 5, 2, 53),
    system: {
      find: () => null,
      run: () => {
        throw new Error("there is no system's program");
      },
    },
    ...changes,
  };
  return { environment, printed };
}

/**
 * Runs a case from empty rules.
 *
 * @returns the first step that came out differently, or null
 */
export async function runRecordedIptables({
  steps,
}: RecordedIptablesCase): Promise<{ step: RecordedIptablesStep; outcome: StepOutcome } | null> {
  const rules = new MemoryRules();
  for (const step of steps) {
    const { environment, printed } = testEnvironment(rules, { stdin: () => step.stdin ?? "" });
    const [program, ...words] = step.argv;
    // The original crashed: there is nothing to be equal to.
    if (step.exit === CRASHED) return null;
    const exit = await runIptablesProgram(program as IptablesProgram, words, environment);
    const outcome = { exit, ...printed };
    if (JSON.stringify(comparable(step)) !== JSON.stringify(comparable(outcome))) return { step, outcome };
  }
  return null;
}

/** Our rules are held by another kernel half, and it is another day. */
function comparable({ exit, stdout, stderr }: StepOutcome): StepOutcome {
  const even = (text: string): string =>
    text
      .replaceAll("(nf_tables)", "(lvs)")
      .replace(/^(# Generated by .* on|# Completed on) .*$/gm, "$1 DATE");
  return { exit, stdout: even(stdout), stderr: even(stderr) };
}

/** A difference as text, for a failing test. */
export function describeIptablesDifference(step: RecordedIptablesStep, outcome: StepOutcome): string {
  const show = (text: string): string => text.replace(/^/gm, "    ");
  const [ours, recorded] = [comparable(outcome), comparable(step)];
  const input = step.stdin === undefined ? "" : ` << ${JSON.stringify(step.stdin)}`;
  const lines = [`${step.argv.join(" ")}${input}`, `  exit ${ours.exit}, recorded ${recorded.exit}`];
  for (const stream of ["stdout", "stderr"] as const) {
    if (ours[stream] === recorded[stream]) continue;
    lines.push(`  ${stream}\n${show(ours[stream])}\n  recorded\n${show(recorded[stream])}`);
  }
  return lines.join("\n");
}
