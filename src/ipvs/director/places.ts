/** Where the director keeps things on this machine, and how large it makes its tables. */
import { resolve } from "node:path";
import { connectionTable } from "../../kernel/tables.ts";

/** What may be chosen; by default the environment says, then the usual places are taken. */
export interface DirectorOptions {
  /** Where state is pinned: LVS_STATE_DIRECTORY, /run/lvs. */
  readonly stateDirectory?: string;
  /** Where compiled programs are kept: LVS_CACHE_DIRECTORY, /var/cache/lvs. */
  readonly cacheDirectory?: string;
  /** Size of the connection table when it is first made: LVS_CONNECTIONS, 262144. */
  readonly connections?: number;
  /** How long to wait for another command to finish, ms. Default 30 s. */
  readonly patience?: number;
}

/** All of {@link DirectorOptions}, decided. */
export interface Places {
  readonly stateDirectory: string;
  readonly cacheDirectory: string;
  readonly connections: number;
  readonly patience: number;
}

const PATIENCE = 30_000;
/** The kernel allocates each table in one piece: beyond this it refuses. */
const MOST_CONNECTIONS = 1 << 24;

export function choosePlaces(options: DirectorOptions = {}, environment = process.env): Places {
  return {
    stateDirectory: resolve(options.stateDirectory ?? (environment.LVS_STATE_DIRECTORY || "/run/lvs")),
    cacheDirectory: resolve(options.cacheDirectory ?? (environment.LVS_CACHE_DIRECTORY || "/var/cache/lvs")),
    connections: options.connections ?? connectionsOf(environment.LVS_CONNECTIONS),
    patience: options.patience ?? PATIENCE,
  };
}

function connectionsOf(text: string | undefined): number {
  if (text === undefined || text === "") return connectionTable.entries;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_CONNECTIONS) return number;
  throw new RangeError(`LVS_CONNECTIONS must be a number from 1 to ${MOST_CONNECTIONS}, not "${text}"`);
}
