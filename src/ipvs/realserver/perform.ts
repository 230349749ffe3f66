/** Steps, really. */
import {
  addAddress,
  addRoute,
  deleteAddress,
  deleteRoute,
  hasCode,
  setLink,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { prefix } from "../../net/index.ts";
import { commandsOf } from "./commands.ts";
import { RealServerError } from "./errors.ts";
import { inverseOf, isVersion6, type Step } from "./model.ts";
import type { TunnelEnd } from "./tunnel-end.ts";

/** What carries a step out. Throws if it could not be done; then nothing of it is done. */
export type CarryOut = (step: Step) => void;

/**
 * Carries steps out one after the other. If one fails, those before it are undone, in reverse order.
 *
 * @throws RealServerError FAILED, HALF_DONE
 */
export function perform(steps: readonly Step[], carryOut: CarryOut): void {
  const done: Step[] = [];
  for (const step of steps) {
    try {
      carryOut(step);
      done.push(step);
    } catch (error) {
      const stuck = done.reverse().filter((each) => !attempt(inverseOf(each), carryOut));
      throw failure(step, error, stuck);
    }
  }
}

function attempt(step: Step, carryOut: CarryOut): boolean {
  try {
    carryOut(step);
    return true;
  } catch {
    return false;
  }
}

function failure(step: Step, error: unknown, stuck: readonly Step[]): RealServerError {
  const why = error instanceof Error ? error.message : String(error);
  const remains = stuck.map((each) => `\`${commandsOf(inverseOf(each))[0]}\``).join(", ");
  const state = stuck.length === 0 ? "nothing was changed" : `these could not be undone: ${remains}`;
  const code = stuck.length === 0 ? "FAILED" : "HALF_DONE";
  return new RealServerError(code, `${commandsOf(step)[0]}: ${why}; ${state}`, error);
}

/** Carries steps out in the calling thread's network namespace. */
export function carryOutHere(tunnelEnd: TunnelEnd): CarryOut {
  return (step) => {
    switch (step.kind) {
      case "link":
        withRouteSocket((socket) => setLink(socket, step.link, { up: step.up }));
        break;
      case "sysctl":
        writeSysctl(step.name, step.to);
        break;
      case "address":
        changeAddress(step);
        break;
      case "route":
        changeRoute(step);
        break;
      case "tunnel":
        tunnelEnd.set(step.vip, step.to);
        break;
      case "attachment":
        if (step.add) tunnelEnd.attach(step.link);
        else tunnelEnd.detach(step.link);
    }
  };
}

function changeAddress({ vip, label, add }: Extract<Step, { kind: "address" }>): void {
  withRouteSocket((socket) => {
    if (!add) {
      tolerating(["EADDRNOTAVAIL"], () => deleteAddress(socket, "lo", prefix(vip)));
      return;
    }
    const settings = isVersion6(vip) ? { deprecated: true } : { label: label ?? "lo" };
    addAddress(socket, "lo", prefix(vip), settings);
  });
}

function changeRoute({ vip, add }: Extract<Step, { kind: "route" }>): void {
  const to = prefix(vip);
  withRouteSocket((socket) => {
    if (add) addRoute(socket, { to, link: "lo", source: to.address });
    // It goes with the address that is its source, too.
    else tolerating(["ESRCH"], () => deleteRoute(socket, { to, link: "lo" }));
  });
}

function tolerating(codes: readonly string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!hasCode(error, ...codes)) throw error;
  }
}
