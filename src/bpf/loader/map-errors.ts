import { SystemError } from "../../linux/index.ts";
import type { MapDefinition } from "../map.ts";

const ENOSPC = 28;
const E2BIG = 7;
const EPERM = 1;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const ENOTSUPP = 524;

/** The error of a map command, with what it means for this kind of map. */
export function mapError(
  command: string,
  errno: number,
  definition: MapDefinition,
  words?: string,
): SystemError {
  const { name, kind } = definition;
  const code = errno === ENOTSUPP ? EOPNOTSUPP : errno;
  return new SystemError(command, code, {
    attempted: `map ${name}`,
    ...(words === undefined ? advice(code, kind) : { advice: words }),
  });
}

function advice(errno: number, kind: MapDefinition["kind"]): { advice?: string } {
  switch (errno) {
    case E2BIG:
      return {
        advice: kind === "array" || kind === "perCpuArray" ? "there is no such index" : "the map is full",
      };
    case ENOSPC:
      return kind === "lpmTrie" ? { advice: "the map is full" } : {};
    case EOPNOTSUPP:
      return { advice: `${kind} maps have no such operation` };
    case EINVAL:
      return kind === "array" || kind === "perCpuArray" || kind === "constants"
        ? { advice: "elements of arrays cannot be deleted" }
        : {};
    case EPERM:
      return {
        advice:
          kind === "constants"
            ? "constants are frozen"
            : "maps need root (CAP_BPF), and frozen ones take no writes",
      };
    default:
      return {};
  }
}
