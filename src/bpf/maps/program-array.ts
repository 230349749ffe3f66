import { u32 } from "../schema/scalars.ts";
import type { Scalar } from "../schema/types.ts";
import { KernelMap } from "./kernel-map.ts";

type U32 = Scalar<number>;

/**
 * Programs by index, for `tailCall`. User space puts them in; all are of one type. The kernel empties the array when
 * user space's last hold on it (a descriptor or a pin) goes, even while programs use it: pin it.
 */
export class ProgramArray extends KernelMap<U32, U32> {
  readonly kind = "programArray";

  constructor(name: string, options: { readonly entries: number }) {
    super("programArray", { name, key: u32, value: u32, entries: options.entries });
  }
}

/** Programs by index: empty until user space puts some in. */
export function programArray(name: string, options: { readonly entries: number }): ProgramArray {
  return new ProgramArray(name, options);
}
