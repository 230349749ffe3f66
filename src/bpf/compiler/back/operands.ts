/** What instructions read and write, and how to rewrite it. */
import type { Comparison, Instruction, Operand, Reg, Terminator } from "../../ir.ts";

/** The register an instruction defines, if any. */
export function definitionOf(instruction: Instruction): Reg | undefined {
  return instruction.op === "store" ? undefined : instruction.dst;
}

/** Registers and constants an instruction reads, the base of a memory access included. */
export function operandsOf(instruction: Instruction): readonly Operand[] {
  switch (instruction.op) {
    case "move":
    case "extend":
    case "hide":
    case "swap":
      return [instruction.src];
    case "alu":
    case "compare":
      return [instruction.left, instruction.right];
    case "load":
      return [{ reg: instruction.base }];
    case "store":
      return [{ reg: instruction.base }, instruction.value];
    case "atomic":
      return instruction.expected
        ? [{ reg: instruction.base }, instruction.value, instruction.expected]
        : [{ reg: instruction.base }, instruction.value];
    case "helper":
    case "call":
      return instruction.args;
    default:
      return [];
  }
}

/** Calls `visit` for each register an instruction reads. */
export function forEachUse(instruction: Instruction, visit: (reg: Reg) => void): void {
  for (const operand of operandsOf(instruction)) if ("reg" in operand) visit(operand.reg);
}

/** Operands of a terminator. */
export function terminatorOperands(terminator: Terminator): readonly Operand[] {
  switch (terminator.op) {
    case "branch":
      return [terminator.left, terminator.right];
    case "return":
      return terminator.value ? [terminator.value] : [];
    default:
      return [];
  }
}

/**
 * The instruction with each operand replaced. A memory base must stay a register: it is left alone where `replace`
 * gives a constant (that code dereferences null and never runs).
 */
export function mapOperands(instruction: Instruction, replace: (operand: Operand) => Operand): Instruction {
  const base = (reg: Reg): Reg => {
    const replaced = replace({ reg });
    return "reg" in replaced ? replaced.reg : reg;
  };
  switch (instruction.op) {
    case "move":
    case "extend":
    case "hide":
    case "swap": {
      const src = replace(instruction.src);
      return src === instruction.src ? instruction : { ...instruction, src };
    }
    case "alu":
    case "compare": {
      const left = replace(instruction.left);
      const right = replace(instruction.right);
      return left === instruction.left && right === instruction.right
        ? instruction
        : { ...instruction, left, right };
    }
    case "load": {
      const reg = base(instruction.base);
      return reg === instruction.base ? instruction : { ...instruction, base: reg };
    }
    case "store": {
      const reg = base(instruction.base);
      const value = replace(instruction.value);
      return reg === instruction.base && value === instruction.value
        ? instruction
        : { ...instruction, base: reg, value };
    }
    case "atomic": {
      const mapped = { ...instruction, base: base(instruction.base), value: replace(instruction.value) };
      return instruction.expected ? { ...mapped, expected: replace(instruction.expected) } : mapped;
    }
    case "helper":
    case "call":
      return { ...instruction, args: instruction.args.map(replace) };
    default:
      return instruction;
  }
}

/** The terminator with each operand replaced. */
export function mapTerminator(terminator: Terminator, replace: (operand: Operand) => Operand): Terminator {
  switch (terminator.op) {
    case "branch": {
      const left = replace(terminator.left);
      const right = replace(terminator.right);
      return left === terminator.left && right === terminator.right
        ? terminator
        : { ...terminator, left, right };
    }
    case "return":
      return terminator.value ? { ...terminator, value: replace(terminator.value) } : terminator;
    default:
      return terminator;
  }
}

/** The instruction with another destination (stores unchanged; `undefined` drops the result of calls and atomics). */
export function withDestination(instruction: Instruction, dst: Reg): Instruction {
  return instruction.op === "store" ? instruction : { ...instruction, dst };
}

/** True if both are the same register or constant. */
export function sameOperand(a: Operand, b: Operand): boolean {
  return "reg" in a ? "reg" in b && a.reg === b.reg : "value" in b && a.value === b.value;
}

/** The comparison that holds exactly when `comparison` does not. */
export const NEGATED: Readonly<Record<Comparison, Comparison>> = {
  eq: "ne",
  ne: "eq",
  lt: "ge",
  le: "gt",
  gt: "le",
  ge: "lt",
  slt: "sge",
  sle: "sgt",
  sgt: "sle",
  sge: "slt",
};

/** The comparison with its sides exchanged. */
export const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  eq: "eq",
  ne: "ne",
  lt: "gt",
  le: "ge",
  gt: "lt",
  ge: "le",
  slt: "sgt",
  sle: "sge",
  sgt: "slt",
  sge: "sle",
};

/**
 * True if the instruction may be dropped when nobody reads its result. Loads and the lookup of a map element are:
 * they have no effect that a program could see.
 */
export function isRemovable(instruction: Instruction): boolean {
  switch (instruction.op) {
    case "store":
    case "atomic":
    case "call":
      return false;
    case "helper":
      return instruction.pure === true || instruction.id === 1;
    default:
      return true;
  }
}
