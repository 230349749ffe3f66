/** Short words for lowering descriptors: each names what one argument register of a helper holds. */
import type { CallbackArgument, HelperArgument, HelperLowering, SpecialLowering } from "../intrinsic.ts";

export const packet = (argument: number): HelperArgument => ({ from: "packet", argument });
export const value = (argument: number): HelperArgument => ({ from: "value", argument });
export const reference = (argument: number): HelperArgument => ({ from: "reference", argument });
export const nullable = (argument: number): HelperArgument => ({
  from: "reference",
  argument,
  nullable: true,
});
export const size = (argument: number): HelperArgument => ({ from: "size", argument });
/** A length given by `argument`, or the size of what argument `of` refers to. */
export const length = (argument: number, of: number): HelperArgument => ({ from: "length", argument, of });
export const map = (argument: number): HelperArgument => ({ from: "map", argument });
export const field = (argument: number, name: number): HelperArgument => ({
  from: "field",
  argument,
  field: name,
});
export const constant = (constantValue: number): HelperArgument => ({
  from: "constant",
  value: constantValue,
});
export const callback = (argument: number, receives: readonly CallbackArgument[]): HelperArgument => ({
  from: "function",
  argument,
  receives,
});

type Traits = { readonly invalidatesPackets?: boolean; readonly pure?: boolean };

/** A call of helper `id`. */
export function helper(
  id: number,
  name: string,
  args: readonly HelperArgument[],
  returns: HelperLowering["returns"],
  { invalidatesPackets = false, pure = false }: Traits = {},
): HelperLowering {
  return { kind: "helper", id, name, args, returns, invalidatesPackets, pure };
}

/** Lowered by the front end itself. */
export function special(name: string): SpecialLowering {
  return { kind: "special", name };
}
