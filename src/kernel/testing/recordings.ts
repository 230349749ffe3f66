/** Recordings of IPVS, for tests. `recordings/README.md` says what is in them. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodePcap } from "../../net/index.ts";

function findRoot(): string {
  if (process.env.LVS_ROOT !== undefined) return process.env.LVS_ROOT;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "recordings"))) {
    if (dirname(folder) === folder)
      throw new Error("cannot find the recordings: set LVS_ROOT to the repository");
    folder = dirname(folder);
  }
  return folder;
}

/** A recording that is JSON, by its path below `recordings`. */
export function readRecording<T>(path: string): T {
  return JSON.parse(readFileSync(join(findRoot(), "recordings", path), "utf8")) as T;
}

/** The frames of a capture, by its path below `recordings`; the time is in ns. */
export function readCapture(path: string): readonly { readonly time: bigint; readonly bytes: Uint8Array }[] {
  return decodePcap(readFileSync(join(findRoot(), "recordings", path))).packets;
}

/** Counters of a server at some step. */
export interface Load {
  readonly rs: string;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/** A step of a scheduling case. */
export type Step =
  | { readonly op: "edit"; readonly argv: readonly string[] }
  | {
      readonly op: "connect";
      readonly n: number;
      readonly src: string;
      readonly dst: string;
      /** Absent in the long lists of hashed addresses, as `after`. */
      readonly before?: readonly Load[];
      readonly chosen: string | null;
    }
  | {
      readonly op: "close";
      readonly n: number;
      readonly how: "fin" | "rst";
      readonly after?: readonly Load[];
    }
  | { readonly op: "wait"; readonly seconds: number; readonly after: readonly Load[] };

/** A scheduling case: it starts with an empty table. */
export interface Case {
  readonly id: string;
  readonly scheduler: string;
  readonly flags: string;
  readonly protocol: "tcp" | "udp";
  /** What the firewall did, if it did: it marked every packet of the client with 1. */
  readonly firewall?: string;
  readonly steps: readonly Step[];
}
