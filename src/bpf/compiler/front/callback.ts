/** The ways in which a lowered function is called, and the parameters it then has. */
import type { CallbackArgument } from "../../intrinsic.ts";
import type { Schema } from "../../schema/types.ts";

export type Convention =
  /** By other kernel functions: a register per parameter. */
  | { readonly kind: "direct" }
  /** By the kernel: a register per entry of `receives`; returns 0 where the function returns nothing. */
  | {
      readonly kind: "callback";
      readonly receives: readonly CallbackArgument[];
      /** What a "key" register points to. */
      readonly keySchema: Schema | undefined;
    };

/** Equal for conventions that need the same code. */
export function conventionKey(convention: Convention): string {
  if (convention.kind === "direct") return "";
  const { receives, keySchema } = convention;
  return `${receives.join(",")} ${keySchema?.kind === "scalar" ? keySchema.name : (keySchema?.kind ?? "")}`;
}
