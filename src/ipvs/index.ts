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
export * from "./errors.ts";
export * from "./model.ts";
export { SimulatedPlane, simulatedAdministration } from "./simulated-plane.ts";
