/**
 * What would not work on a host, as director or as real server, and why.
 *
 *     const findings = examine(gatherFacts());
 */
export { examine, rolesOf } from "./examine.ts";
export type { HostFacts, RealServerHints } from "./facts.ts";
export { commandOf, type Finding, isSafe, type Remedy, type Role, type Severity } from "./finding.ts";
export { type GatherOptions, gatherFacts } from "./gather.ts";
export { type Mended, mend } from "./mend.ts";
