import type { IrModule } from "../../ir.ts";
import type { CompileError } from "../errors.ts";

export function checkStalePackets(_module: IrModule): CompileError[] {
  return [];
}
