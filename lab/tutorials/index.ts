/** The command lines of the documents that people learn LVS from, as far as they are about IPVS, marks and real servers. */
import { configuration } from "./configuration.ts";
import { described } from "./described.ts";
import { fileTransfer } from "./ftp.ts";
import type { Tutorial } from "./model.ts";
import { modes } from "./modes.ts";
import { usage } from "./usage.ts";

export * from "./model.ts";

export const TUTORIALS: readonly Tutorial[] = [usage, described, configuration, modes, fileTransfer];
