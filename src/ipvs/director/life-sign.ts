/**
 * How to tell that a network namespace is gone, while its state is still pinned: a link to its loopback, which lives
 * exactly as long as the namespace. Only where there are tcx links (Linux 6.6).
 */
import { existsSync } from "node:fs";
import { alu, exit, R0 } from "../../bpf/asm/index.ts";
import { TC_NEXT } from "../../bpf/index.ts";
import { attachTcx, feature, loadProgram, openLink } from "../../bpf/loader/index.ts";
import { findLink, hasCode, withRouteSocket } from "../../linux/index.ts";

const PIN = "alive";

/** Puts up the sign of the calling thread's namespace, if it can be and is not there. Its program leaves every packet alone. */
export function attachSign(directory: string): void {
  try {
    if (!existsSync(`${directory}/${PIN}`) && feature("tcxLinks").available) attach(directory);
  } catch {
    // Without the sign the state is kept until the next boot; nothing else depends on it.
  }
}

function attach(directory: string): void {
  const loopback = withRouteSocket((socket) => findLink(socket, "lo"));
  if (loopback === undefined) return;
  const program = loadProgram(
    {
      name: "lvs_alive",
      type: "schedCls",
      license: "Dual MIT/GPL",
      instructions: [alu.mov.imm(R0, TC_NEXT | 0), exit()],
      functions: [],
      lines: [],
      maps: [],
    },
    new Map(),
  );
  try {
    attachTcx(program, loopback.index, { pin: `${directory}/${PIN}` }).close();
  } finally {
    program.close();
  }
}

/** Takes the sign down at once, not some time after its pin is gone. */
export function removeSign(directory: string): void {
  try {
    const link = openLink(`${directory}/${PIN}`);
    link?.detach();
    link?.close();
  } catch (error) {
    if (!hasCode(error, "FOREIGN_PIN")) throw error;
  }
}

/** Whether the namespace of that directory is certainly gone. */
export function isDead(directory: string): boolean {
  const link = openLink(`${directory}/${PIN}`);
  if (link === null) return false;
  try {
    return link.info().ifindex === 0;
  } finally {
    link.close();
  }
}
