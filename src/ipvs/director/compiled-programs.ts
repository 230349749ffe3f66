/** Programs of the datapath, compiled or from the cache. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { MapDefinition } from "../../bpf/index.ts";
import { deserializeProgram } from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { tcpStates } from "../../kernel/state/follow.ts";
import { IpvsError } from "../errors.ts";
import { TABLES } from "./pinned-tables.ts";
import { ProgramCache } from "./program-cache.ts";
import type { ProgramOptions } from "./program-options.ts";
import { sourceHash } from "./sources.ts";

/** What to compile: a function that a module of the datapath exports. */
export interface CompileRequest {
  /** Name of a module of `src/kernel`. */
  readonly module: string;
  readonly entry: string;
  readonly options: ProgramOptions;
  /** The program's name: at most 15 characters. */
  readonly name: string;
}

/** Tables of constants: each program has its own. */
const CONSTANTS: readonly MapDefinition[] = [tcpStates];

const MAPS: ReadonlyMap<string, MapDefinition> = new Map(
  [...TABLES, ...CONSTANTS].map((each) => [each.name, each]),
);

/**
 * The program, from the cache if it is there. A cache that cannot be used only costs time.
 *
 * @throws IpvsError EIO if the datapath does not compile
 */
export function compiledProgram(request: CompileRequest, cacheDirectory: string): CompiledProgram {
  const cache = new ProgramCache(cacheDirectory);
  const key = `${sourceHash().slice(0, 16)}-${request.name}-${Object.values(request.options).join("-")}`;
  const kept = cache.read(key);
  if (kept !== undefined) {
    const program = tryDeserialize(kept);
    if (program !== undefined) return program;
  }
  const bytes = compileInProcess(request);
  cache.write(key, bytes);
  return deserializeProgram(bytes, (name) => MAPS.get(name));
}

function tryDeserialize(bytes: Uint8Array): CompiledProgram | undefined {
  try {
    return deserializeProgram(bytes, (name) => MAPS.get(name));
  } catch {
    return undefined;
  }
}

/** In a process of its own: the compiler works asynchronously, a command does not; and it is gone afterwards. */
function compileInProcess(request: CompileRequest): Uint8Array {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = fileURLToPath(new URL(`./compile-process.${extension}`, import.meta.url));
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [script], {
    input: JSON.stringify(request),
    maxBuffer: 1 << 28,
  });
  if (status === 0) return new Uint8Array(stdout);
  const reason = error?.message ?? stderr.toString("utf8").trim();
  throw new IpvsError("EIO", {
    operation: "open",
    message: `the datapath's program ${request.entry} could not be compiled: ${reason}`,
    cause: error,
  });
}
