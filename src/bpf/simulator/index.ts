export type { Clock } from "./clock.ts";
export { NoMachineError, type Redirect } from "./current.ts";
export { createMachine, Machine, type MachineOptions } from "./machine.ts";
export {
  type ChecksumState,
  type Clone,
  type GsoType,
  type PacketOptions,
  SimulatedPacket,
} from "./packet.ts";
export { wireBytes } from "./packet-checksum.ts";
export { type SlotProgram, TailCallError } from "./programs.ts";
