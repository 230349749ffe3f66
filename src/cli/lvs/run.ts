import { readFileSync } from "node:fs";
import type { Administration } from "../../ipvs/administration.ts";
import { failureText } from "../as-process.ts";
import { writeInChunks } from "../printing.ts";
import { ClosedOutputError } from "../standard-streams.ts";
import { parseRequest, type Request, type Topic } from "./arguments.ts";
import type { UsageError } from "./usage-error.ts";

/** What `lvs` works with. */
export interface LvsEnvironment {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** The director, opened by the first command that asks or tells it something; closed by whoever made it. */
  readonly administration: () => Promise<Administration>;
}

const NEEDS_ROOT = "this needs root: it administers the network namespace it is run in; try again with sudo";
/** Exit status where something failed that the command cannot help. */
export const FAILED = 1;
const WRONG_USAGE = 2;

/**
 * Runs `lvs` with these arguments and resolves to its exit status. What it needs is loaded when it is needed. Rejects with
 * ClosedOutputError only.
 */
export async function runLvs(words: readonly string[], environment: LvsEnvironment): Promise<number> {
  try {
    return (await carryOut(parseRequest(words), environment)) ? 0 : FAILED;
  } catch (error) {
    if (isUsageError(error)) {
      environment.stderr(`lvs: ${error.message}\n\`lvs --help\` tells more.\n`);
      return WRONG_USAGE;
    }
    if (error instanceof ClosedOutputError) throw error;
    environment.stderr(isRefused(error) ? `lvs: ${NEEDS_ROOT}\n` : failureText("lvs", error));
    return error instanceof Error && "exit" in error && typeof error.exit === "number" ? error.exit : FAILED;
  }
}

/** By its code: what the packed file throws and what modules throw are of two classes. */
function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && "code" in error && error.code === "USAGE";
}

/** Whether it failed for want of privilege, before anything was tried. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPERM" && process.getuid?.() !== 0;
}

/** Whether all of it could be done; what could not has been complained of. */
async function carryOut(
  request: Request,
  { stdout, stderr, administration }: LvsEnvironment,
): Promise<boolean> {
  switch (request.kind) {
    case "help":
      stdout(await help(request.topic));
      return true;
    case "version":
      stdout(`lvs ${version()}\n`);
      return true;
    case "lab": {
      const { runLab } = await import("../../../lab/index.ts");
      await runLab(request);
      return true;
    }
    case "status": {
      const { directorStatus } = await import("../../ipvs/index.ts");
      const { statusJson, statusText } = await import("./status-text.ts");
      stdout((request.json ? statusJson : statusText)(directorStatus()));
      return true;
    }
    case "connections": {
      const { listConnections } = await import("./connections.ts");
      writeInChunks(listConnections(await administration(), request), stdout);
      return true;
    }
    case "flush": {
      const { flushConnections } = await import("./connections.ts");
      stdout(flushConnections(await administration(), request.filter));
      return true;
    }
    case "sysctl": {
      const { runSysctl } = await import("./sysctl.ts");
      const complain = (text: string): void => stderr(`lvs: ${text}\n`);
      return runSysctl(request, await administration(), { stdout, complain });
    }
    case "realserver": {
      const { runRealServer } = await import("./realserver.ts");
      return runRealServer(request, stdout);
    }
    case "rules":
    case "rules-import": {
      const [{ RULES_PROCESS, runRules }, { openKernelRules }, { systemRuleNames }, { systemPrograms }] =
        await Promise.all([
          import("./rules.ts"),
          import("../iptables/kernel-rules.ts"),
          import("../rule-names.ts"),
          import("../iptables/system-programs.ts"),
        ]);
      const complain = (text: string): void => stderr(`lvs: ${text}\n`);
      const rules = await openKernelRules();
      try {
        const environment = { ...RULES_PROCESS, rules, names: systemRuleNames(), system: systemPrograms() };
        return runRules(request, { ...environment, stdout, complain });
      } finally {
        rules.close();
      }
    }
    case "explain": {
      const { explain } = await import("./explain.ts");
      stdout(explain(request));
      return true;
    }
    case "doctor": {
      const { runDoctor } = await import("./doctor.ts");
      return runDoctor(request, { stdout, complain: (text) => stderr(`lvs: ${text}\n`) });
    }
    case "unload": {
      const { unload } = await import("../../ipvs/index.ts");
      if (!unload()) stdout("there was nothing to unload in this network namespace\n");
      return true;
    }
    case "attach": {
      const { attach } = await import("../../ipvs/index.ts");
      if (attach(request.interfaces)) return true;
      stdout("nothing is configured yet: the first service will attach to all interfaces\n");
      return true;
    }
    case "detach": {
      const { detach } = await import("../../ipvs/index.ts");
      detach(request.interfaces);
      return true;
    }
  }
}

async function help(topic: Topic | null): Promise<string> {
  const { HELP, labList, TOPIC_HELP } = await import("./help.ts");
  if (topic === null) return HELP;
  if (topic !== "lab") return TOPIC_HELP[topic];
  const { LABS } = await import("../../../lab/index.ts");
  return TOPIC_HELP.lab + labList(LABS);
}

/** That of the package, whose package.json lies above this file. */
function version(): string {
  for (
    let folder = new URL("./", import.meta.url);
    folder.pathname !== "/";
    folder = new URL("../", folder)
  ) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
      if (name === "lvs") return String(found);
    } catch {
      // Not this folder: the next one up.
    }
  }
  return "unknown";
}
