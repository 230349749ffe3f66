/**
 * The user half of IPVS: what a director can be told and asked.
 *
 *     const director = openAdministration();
 *     director.addService(…);
 */
export {
  type Administration,
  AdministrationBase,
  type Command,
  type DirectorInfo,
  type SyncDaemonRequest,
} from "./administration.ts";
export { type InterfaceStatus, NoInterfaceError } from "./director/interfaces.ts";
export { openAdministration } from "./director/kernel-administration.ts";
export type { DirectorOptions } from "./director/places.ts";
export {
  attach,
  type ClockStatus,
  type DirectorStatus,
  detach,
  directorStatus,
  type ProgramStatus,
  type TableFill,
  unload,
} from "./director/status.ts";
export * from "./errors.ts";
export * from "./model.ts";
export { commandsOf } from "./realserver/commands.ts";
export { RealServerError, type RealServerErrorCode } from "./realserver/errors.ts";
export type { FoundAddress, FoundLink, RealServerFacts } from "./realserver/facts.ts";
export {
  DEFAULT_GUE_PORT,
  type RealServerMode,
  type Requirement,
  type RequirementName,
  type Step,
  TUNNEL_TYPES,
  type TunnelSettings,
  type TunnelType,
  type Wanted,
} from "./realserver/model.ts";
export type { Outcome } from "./realserver/plan.ts";
export {
  type RealServerChange,
  type RealServerOptions,
  type RealServerRequest,
  type RealServerStatus,
  realServerStatus,
  setUpRealServer,
  takeDownRealServer,
} from "./realserver/real-server.ts";
export { isComplete, realServerRequirements } from "./realserver/requirements.ts";
export { virtualAddress } from "./realserver/virtual-address.ts";
export type { RuleAdministration } from "./rules/administration.ts";
export { openRules } from "./rules/kernel-rules.ts";
export * from "./rules/model.ts";
export { TableRules } from "./rules/table-rules.ts";
export { SimulatedPlane, simulatedAdministration } from "./simulated-plane.ts";
