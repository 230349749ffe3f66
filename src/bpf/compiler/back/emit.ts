/** The last step of a function: allocated machine code to assembler instructions with labels. */
import { exit, type Instruction, jump, jumpTo, type Register } from "../../asm/index.ts";
import type { BlockId, Comparison } from "../../ir.ts";
import type { MachineBlock, MachineInstruction, MachineTerminator } from "./machine.ts";
import { NEGATED } from "./operands.ts";

/** An instruction, and the block it jumps to. */
interface Emitted {
  readonly instruction: Instruction;
  readonly goto?: BlockId;
}

/** Instructions of one function, its name on the first. Blocks in layout order, registers real. */
export function emitFunction(name: string, blocks: readonly MachineBlock[]): Instruction[] {
  const finals = finalTargets(blocks);
  const goesTo = (id: BlockId): BlockId => finals.get(id) ?? id;
  const kept = blocks.filter((block, index) => index === 0 || !finals.has(block.id));
  // A jump to a block that only exits can as well exit.
  const leaves = new Set(
    kept.flatMap(({ id, instructions, terminator }) =>
      instructions.length === 0 && terminator.op === "exit" ? [id] : [],
    ),
  );
  const out: Emitted[] = [];
  const starts = new Map<BlockId, number>();
  for (const [index, block] of kept.entries()) {
    starts.set(block.id, out.length);
    for (const instruction of block.instructions) out.push({ instruction: asAsm(instruction) });
    const { at } = block.terminator;
    for (const emitted of emitTerminator(block.terminator, kept[index + 1]?.id, goesTo, leaves)) {
      out.push(at ? { ...emitted, instruction: { ...emitted.instruction, at } } : emitted);
    }
  }
  const labels = new Map<number, string>([[0, name]]);
  for (const emitted of out) {
    if (emitted.goto === undefined) continue;
    const place = starts.get(emitted.goto)!;
    if (!labels.has(place)) labels.set(place, `${name}.${emitted.goto}`);
  }
  return out.map(({ instruction, goto }, index) => {
    const label = labels.get(index);
    const target = goto === undefined ? undefined : labels.get(starts.get(goto)!);
    return {
      ...instruction,
      ...(label === undefined ? {} : { label }),
      ...(target === undefined ? {} : { target }),
    };
  });
}

/** Where jumps to empty blocks that only jump on really go. */
function finalTargets(blocks: readonly MachineBlock[]): Map<BlockId, BlockId> {
  const empty = new Map<BlockId, BlockId>();
  for (const { id, instructions, terminator } of blocks) {
    if (instructions.length === 0 && terminator.op === "jump") empty.set(id, terminator.target);
  }
  const finals = new Map<BlockId, BlockId>();
  for (const start of empty.keys()) {
    const seen = new Set<BlockId>();
    let id = start;
    for (let next = empty.get(id); next !== undefined && !seen.has(id); next = empty.get(id)) {
      seen.add(id);
      id = next;
    }
    // A loop of empty blocks stays as it is.
    if (!empty.has(id)) finals.set(start, id);
  }
  return finals;
}

function emitTerminator(
  terminator: MachineTerminator,
  next: BlockId | undefined,
  goesTo: (id: BlockId) => BlockId,
  leaves: ReadonlySet<BlockId>,
): Emitted[] {
  const always = (id: BlockId): Emitted[] => (id === next ? [] : [{ instruction: jumpTo(0), goto: id }]);
  if (terminator.op === "exit") return [{ instruction: exit() }];
  if (terminator.op === "jump") {
    const target = goesTo(terminator.target);
    return target !== next && leaves.has(target) ? [{ instruction: exit() }] : always(target);
  }
  const yes = goesTo(terminator.yes);
  const no = goesTo(terminator.no);
  if (yes === no) return always(yes);
  const { comparison } = terminator;
  if (comparison === "set" || comparison === "clear") {
    const [taken, other] = comparison === "set" ? [yes, no] : [no, yes];
    return [{ instruction: conditional(terminator, "set"), goto: taken }, ...always(other)];
  }
  if (yes === next) return [{ instruction: conditional(terminator, NEGATED[comparison]), goto: no }];
  return [{ instruction: conditional(terminator, comparison), goto: yes }, ...always(no)];
}

function conditional(
  terminator: Extract<MachineTerminator, { op: "branch" }>,
  comparison: Comparison | "set",
): Instruction {
  const forms = jump[comparison];
  const left = terminator.left as Register;
  const { right, narrow } = terminator;
  if ("reg" in right) {
    const source = right.reg as Register;
    return narrow ? forms.reg32(left, source, 0) : forms.reg(left, source, 0);
  }
  return narrow ? forms.imm32(left, right.immediate, 0) : forms.imm(left, right.immediate, 0);
}

function asAsm(instruction: MachineInstruction): Instruction {
  const { opcode, offset, immediate, map, helper, at } = instruction;
  return {
    opcode,
    dst: instruction.dst as Register,
    src: instruction.src as Register,
    offset,
    immediate,
    ...(map ? { map } : {}),
    ...(instruction.function === undefined ? {} : { function: instruction.function }),
    ...(helper === undefined ? {} : { helper }),
    ...(at ? { at } : {}),
  };
}
