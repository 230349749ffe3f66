import { readFileSync } from "node:fs";
import { parseRequest, type Request, UsageError } from "./arguments.ts";
import { HELP } from "./help.ts";

/** Where `lvs` writes. */
export interface LvsEnvironment {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

const NEEDS_ROOT = "this needs root: it administers the network namespace it is run in; try again with sudo";
const FAILED = 1;
const WRONG_USAGE = 2;

/** Runs `lvs` with these arguments and resolves to its exit status. What it needs is loaded when it is needed. */
export async function runLvs(words: readonly string[], environment: LvsEnvironment): Promise<number> {
  try {
    await carryOut(parseRequest(words), environment);
    return 0;
  } catch (error) {
    const message = isRefused(error) ? NEEDS_ROOT : error instanceof Error ? error.message : String(error);
    const detail = process.env.LVS_DEBUG && error instanceof Error ? `\n${error.stack}` : "";
    environment.stderr(`lvs: ${message}${detail}\n`);
    if (error instanceof UsageError) {
      environment.stderr("`lvs --help` tells more.\n");
      return WRONG_USAGE;
    }
    return error instanceof Error && "exit" in error && typeof error.exit === "number" ? error.exit : FAILED;
  }
}

/** Whether it failed for want of privilege, before anything was tried. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPERM" && process.getuid?.() !== 0;
}

async function carryOut(request: Request, { stdout }: LvsEnvironment): Promise<void> {
  switch (request.kind) {
    case "help":
      stdout(HELP);
      return;
    case "version":
      stdout(`lvs ${version()}\n`);
      return;
    case "lab": {
      const { runLab } = await import("../../../lab/index.ts");
      return runLab(request);
    }
    case "status": {
      const { directorStatus } = await import("../../ipvs/index.ts");
      const status = directorStatus();
      if (request.json) {
        stdout(
          `${JSON.stringify(status, (_, value) => (typeof value === "bigint" ? Number(value) : value), 2)}\n`,
        );
        return;
      }
      const { statusText } = await import("./status-text.ts");
      stdout(statusText(status));
      return;
    }
    case "unload": {
      const { unload } = await import("../../ipvs/index.ts");
      if (!unload()) stdout("there was nothing to unload in this network namespace\n");
      return;
    }
    default: {
      const { attach, detach } = await import("../../ipvs/index.ts");
      if ((request.kind === "attach" ? attach : detach)(request.interfaces)) return;
      stdout("nothing is configured yet: the first service will attach to all interfaces\n");
    }
  }
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
