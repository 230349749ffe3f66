import { intrinsic } from "../intrinsic.ts";
import { machine } from "../simulator/current.ts";
import { fieldPlace, type LockField } from "./fields.ts";
import { field, helper } from "./lower.ts";

/** A lock was used in a way that stops a kernel, or that its verifier refuses. */
export class LockError extends Error {
  override readonly name = "LockError";
  readonly code = "ERR_LOCK";
}

/**
 * Takes the lock of a map value. Until `unlock`, no other helper, map method or kernel function may be called, and only one
 * lock may be held. Throws LockError in the simulator if it is held already: a kernel would stop here.
 */
export const lock = intrinsic(
  helper(93, "spin_lock", [field(0, 1)], "void"),
  <V extends object>(view: V, name: LockField<V>): void => {
    const { data, at } = fieldPlace(view, name, "spinLock");
    if (data.getUint32(at, true) !== 0) throw new LockError(`${name} is locked already`);
    machine().lockTaken();
    data.setUint32(at, 1, true);
  },
);

/** Releases the lock. Throws LockError in the simulator if it is not held. */
export const unlock = intrinsic(
  helper(94, "spin_unlock", [field(0, 1)], "void"),
  <V extends object>(view: V, name: LockField<V>): void => {
    const { data, at } = fieldPlace(view, name, "spinLock");
    if (data.getUint32(at, true) === 0) throw new LockError(`${name} is not locked`);
    machine().lockReleased();
    data.setUint32(at, 0, true);
  },
);
