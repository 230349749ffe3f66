/** Writes IR functions block by block. */
import type {
  AluOperation,
  Block,
  BlockId,
  Comparison,
  Instruction,
  IrFunction,
  Operand,
  Reg,
  Size,
  SourcePosition,
  StackSlot,
  Terminator,
} from "../../../ir.ts";
import type { MapDefinition } from "../../../map.ts";

const AT: SourcePosition = { file: "test.ts", line: 1, column: 1, text: "test" };

export function constant(value: bigint | number): Operand {
  return { value: BigInt.asUintN(64, BigInt(value)) };
}

export class FunctionBuilder {
  readonly name: string;
  readonly parameters: Reg[] = [];
  readonly blocks: Block[] = [];
  readonly slots: StackSlot[] = [];
  readonly packetRegisters = new Set<Reg>();
  #nextRegister = 0;
  #current: Block;
  #line = 0;

  constructor(name: string, parameterCount: number) {
    this.name = name;
    for (let i = 0; i < parameterCount; i++) this.parameters.push(this.register());
    this.#current = this.block();
  }

  register(): Reg {
    return this.#nextRegister++;
  }

  /** A new block; `at` moves the builder there. */
  block(): Block {
    const block: Block = { id: this.blocks.length, instructions: [], terminator: { op: "return" } };
    this.blocks.push(block);
    return block;
  }

  at(block: Block): void {
    this.#current = block;
  }

  emit(instruction: Instruction): void {
    const at = { ...AT, line: ++this.#line };
    this.#current.instructions.push({ ...instruction, at });
  }

  end(terminator: Terminator): void {
    this.#current.terminator = terminator;
  }

  jump(target: Block): void {
    this.end({ op: "jump", target: target.id });
  }

  branch(comparison: Comparison, left: Operand, right: Operand, yes: BlockId, no: BlockId): void {
    // biome-ignore lint/suspicious/noThenProperty: the IR names its targets so
    this.end({ op: "branch", comparison, left, right, then: yes, otherwise: no });
  }

  move(dst: Reg, src: Operand): void {
    this.emit({ op: "move", dst, src });
  }

  alu(operation: AluOperation, width: 32 | 64, left: Operand, right: Operand): Operand & { reg: Reg } {
    const dst = this.register();
    this.emit({ op: "alu", operation, width, dst, left, right });
    return { reg: dst };
  }

  load(size: Size, base: Reg, offset: number, volatile = false): Operand & { reg: Reg } {
    const dst = this.register();
    this.emit({ op: "load", size, dst, base, offset, ...(volatile ? { volatile } : {}) });
    return { reg: dst };
  }

  store(size: Size, base: Reg, offset: number, value: Operand): void {
    this.emit({ op: "store", size, base, offset, value });
  }

  /** A zeroed stack slot; its address. */
  slot(name: string, size: number): Reg {
    const slot = this.slots.length;
    this.slots.push({ name, size, align: 8 });
    const dst = this.register();
    this.emit({ op: "stackAddress", dst, slot });
    for (let offset = 0; offset < size; offset += 8) this.store(8, dst, offset, constant(0));
    return dst;
  }

  mapValue(map: MapDefinition, offset: number): Reg {
    const dst = this.register();
    this.emit({ op: "mapValueAddress", dst, map, offset });
    return dst;
  }

  helper(id: number, name: string, args: readonly Operand[], pure = false): Operand & { reg: Reg } {
    const dst = this.register();
    this.emit({ op: "helper", id, name, dst, args, invalidatesPackets: false, ...(pure ? { pure } : {}) });
    return { reg: dst };
  }

  build(inline: IrFunction["inline"]): IrFunction {
    return {
      name: this.name,
      parameters: this.parameters,
      returnsValue: true,
      blocks: this.blocks,
      slots: this.slots,
      nextRegister: this.#nextRegister,
      packetRegisters: this.packetRegisters,
      names: new Map(),
      inline,
      at: AT,
    };
  }
}
