/** Writes the blocks of one IR function. */
import type {
  AluOperation,
  Block,
  Comparison,
  Instruction,
  IrFunction,
  Operand,
  Reg,
  Size,
  SourcePosition,
  StackSlot,
  Terminator,
} from "../../ir.ts";

type Plain<T> = T extends unknown ? Omit<T, "at"> : never;

export function constant(value: number | bigint): Operand {
  return { value: BigInt(value) };
}

export class FunctionBuilder {
  /** The place that the next instructions come from. */
  at: SourcePosition;
  readonly slots: StackSlot[] = [];
  readonly names = new Map<Reg, string>();
  readonly packetRegisters = new Set<Reg>();
  readonly #blocks: Block[] = [];
  #current: Block | undefined;
  #nextBlock = 0;
  #nextRegister = 0;

  constructor(at: SourcePosition) {
    this.at = at;
    this.start(this.label());
  }

  /** False after a terminator, until a block is started that something jumps to. */
  get reachable(): boolean {
    return this.#current !== undefined;
  }

  register(name?: string): Reg {
    const reg = this.#nextRegister++ as Reg;
    if (name !== undefined) this.names.set(reg, name);
    return reg;
  }

  /** A block's number, to jump to before it is started. */
  label(): number {
    return this.#nextBlock++;
  }

  /** Begins block `label`; if the block before it has no terminator it jumps here. */
  start(label: number): void {
    if (this.#current) this.jump(label);
    this.#current = { id: label, instructions: [], terminator: { op: "jump", target: label } };
    this.#blocks.push(this.#current);
  }

  emit(instruction: Plain<Instruction>): void {
    this.#current?.instructions.push({ ...instruction, at: this.at } as Instruction);
  }

  jump(target: number): void {
    this.#end({ op: "jump", target });
  }

  branch(comparison: Comparison, left: Operand, right: Operand, then: number, otherwise: number): void {
    this.#end({ op: "branch", comparison, left, right, then, otherwise });
  }

  leave(value?: Operand): void {
    this.#end(value ? { op: "return", value } : { op: "return" });
  }

  #end(terminator: Plain<Terminator>): void {
    if (this.#current) this.#current.terminator = { ...terminator, at: this.at } as Terminator;
    this.#current = undefined;
  }

  /** A register with the operand's value. */
  inRegister(operand: Operand): Reg {
    return "reg" in operand ? operand.reg : this.moved(operand);
  }

  /** A new register with the operand's value. */
  moved(src: Operand, name?: string): Reg {
    const dst = this.register(name);
    this.emit({ op: "move", dst, src });
    return dst;
  }

  alu(operation: AluOperation, width: 32 | 64, left: Operand, right: Operand): Operand {
    const dst = this.register();
    this.emit({ op: "alu", operation, width, dst, left, right });
    return { reg: dst };
  }

  extend(bits: 8 | 16 | 32, signed: boolean, src: Operand): Operand {
    const dst = this.register();
    this.emit({ op: "extend", bits, signed, dst, src });
    return { reg: dst };
  }

  swap(bits: 16 | 32 | 64, src: Operand): Operand {
    const dst = this.register();
    this.emit({ op: "swap", bits, dst, src });
    return { reg: dst };
  }

  compare(comparison: Comparison, left: Operand, right: Operand): Operand {
    const dst = this.register();
    this.emit({ op: "compare", comparison, dst, left, right });
    return { reg: dst };
  }

  load(size: Size, base: Reg, offset: number, volatile = false): Reg {
    const dst = this.register();
    this.emit({ op: "load", size, dst, base, offset, ...(volatile ? { volatile } : {}) });
    return dst;
  }

  store(size: Size, base: Reg, offset: number, value: Operand): void {
    this.emit({ op: "store", size, base, offset, value });
  }

  /** The address of a new stack slot. */
  slot(size: number, name: string): Reg {
    this.slots.push({ size, align: 8, name });
    const dst = this.register(name);
    this.emit({ op: "stackAddress", dst, slot: this.slots.length - 1 });
    return dst;
  }

  /** The function, without blocks that nothing reaches. */
  finish(
    head: Pick<IrFunction, "name" | "parameters" | "returnsValue" | "inline" | "separate" | "at">,
  ): IrFunction {
    const byId = new Map(this.#blocks.map((block) => [block.id, block]));
    const reached = new Set<number>();
    const pending = [this.#blocks[0]!.id];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      // Blocks are missing only where something was refused.
      const terminator = byId.get(id)?.terminator;
      if (terminator?.op === "jump") pending.push(terminator.target);
      if (terminator?.op === "branch") pending.push(terminator.then, terminator.otherwise);
    }
    return {
      ...head,
      blocks: this.#blocks.filter((block) => reached.has(block.id)),
      slots: this.slots,
      nextRegister: this.#nextRegister,
      packetRegisters: this.packetRegisters,
      names: this.names,
    };
  }
}
