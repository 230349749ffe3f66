import type { Administration } from "../../ipvs/administration.ts";
import type { Names } from "./names.ts";

/** What `ipvsadm` works with. Nothing else of the process is touched. */
export interface IpvsadmEnvironment {
  /** The director, opened by the first command that asks or tells it something. */
  readonly administration: () => Administration;
  /** All of the standard input, read by `--restore`. */
  readonly stdin: () => string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly names: Names;
}
