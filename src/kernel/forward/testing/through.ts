/** Packets through one forwarding method by itself (entries.ts), to the only server of a test director. */
import { type Packet, type PacketOptions, SimulatedPacket } from "../../../bpf/index.ts";
import { runCommand } from "../../testing/commands.ts";
import { CLIENT_SIDE, type Outcome, TestDirector } from "../../testing/director.ts";

/** A director whose only service and server these commands are. */
export function directorOf(family: 4 | 6, ...commands: readonly string[]): TestDirector {
  const director = new TestDirector({ options: { family } });
  for (const each of commands) runCommand(director.configuration, each.split(" "));
  return director;
}

/** A frame from the client's side through a method. */
export function through(
  director: TestDirector,
  method: (packet: Packet) => number,
  bytes: Uint8Array,
  options: PacketOptions = {},
): Outcome {
  const packet = new SimulatedPacket(bytes, { ifindex: CLIENT_SIDE, ...options });
  const verdict = director.machine.execute(method, packet);
  return { verdict, packet, out: packet.redirected?.ifindex ?? 0 };
}
