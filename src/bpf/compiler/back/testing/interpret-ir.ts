/** Runs the IR as it is defined, one instruction at a time: what generated code is compared with. */
import { Memory } from "../../../asm/interpret-memory.ts";
import type { Instruction, IrFunction, IrModule, Operand, Reg } from "../../../ir.ts";
import { evaluateAlu, evaluateComparison, evaluateExtend, evaluateSwap, unsigned } from "../evaluate.ts";

export interface IrContext {
  readonly memory: Memory;
  call(address: bigint, args: readonly bigint[]): bigint;
}

export interface InterpretIrOptions {
  readonly memory?: Memory;
  readonly args?: readonly bigint[];
  readonly helper?: (id: number, args: readonly (bigint | undefined)[], context: IrContext) => bigint;
  readonly mapAddress?: (name: string) => bigint;
  readonly mapValueAddress?: (name: string, offset: number) => bigint;
  readonly limit?: number;
}

const STACK_BASE = 0x7c00_0000_0000n;
const FUNCTIONS_BASE = 0x7b00_0000_0000n;

/** The value that the entry returns. */
export function interpretIr(module: IrModule, options: InterpretIrOptions = {}): bigint {
  return new IrMachine(module, options).call(module.entry, options.args ?? []);
}

class IrMachine {
  readonly #module: IrModule;
  readonly #options: InterpretIrOptions;
  readonly #memory: Memory;
  readonly #names: string[];
  #executed = 0;
  #stackTop = STACK_BASE;

  constructor(module: IrModule, options: InterpretIrOptions) {
    this.#module = module;
    this.#options = options;
    this.#memory = options.memory ?? new Memory();
    this.#names = [...module.functions.keys()];
  }

  call(name: string, args: readonly bigint[]): bigint {
    const source = this.#module.functions.get(name)!;
    const top = this.#stackTop;
    const regions = source.slots.map((slot) => {
      const region = { base: this.#stackTop, bytes: new Uint8Array(slot.size) };
      this.#stackTop += BigInt(Math.ceil(slot.size / 16) * 16 + 64);
      return this.#memory.map(region);
    });
    const registers = new Map<Reg, bigint>();
    for (const [index, parameter] of source.parameters.entries()) registers.set(parameter, args[index] ?? 0n);
    const value = this.#body(
      source,
      registers,
      regions.map((region) => region.base),
    );
    for (const region of regions) this.#memory.unmap(region);
    this.#stackTop = top;
    return value;
  }

  #body(source: IrFunction, registers: Map<Reg, bigint>, slots: readonly bigint[]): bigint {
    const blocks = new Map(source.blocks.map((block) => [block.id, block]));
    const read = (operand: Operand): bigint => {
      if (!("reg" in operand)) return unsigned(operand.value);
      const value = registers.get(operand.reg);
      if (value === undefined)
        throw new Error(`${source.name}: %${operand.reg} is read before it is assigned`);
      return value;
    };
    let block = source.blocks[0]!;
    for (;;) {
      if (++this.#executed > (this.#options.limit ?? 200_000)) throw new Error("too long");
      for (const instruction of block.instructions) {
        const value = this.#instruction(instruction, read, slots);
        if (value !== undefined && instruction.op !== "store" && instruction.dst !== undefined) {
          registers.set(instruction.dst, unsigned(value));
        }
      }
      const { terminator } = block;
      if (terminator.op === "return") return terminator.value ? read(terminator.value) : 0n;
      if (terminator.op === "jump") block = blocks.get(terminator.target)!;
      else {
        const holds = evaluateComparison(
          terminator.comparison,
          read(terminator.left),
          read(terminator.right),
        );
        block = blocks.get(holds ? terminator.then : terminator.otherwise)!;
      }
    }
  }

  #instruction(
    instruction: Instruction,
    read: (operand: Operand) => bigint,
    slots: readonly bigint[],
  ): bigint | undefined {
    const memory = this.#memory;
    const address = (access: { base: Reg; offset: number }): bigint =>
      unsigned(read({ reg: access.base }) + BigInt(access.offset));
    switch (instruction.op) {
      case "move":
      case "hide":
        return read(instruction.src);
      case "alu":
        return evaluateAlu(
          instruction.operation,
          instruction.width,
          read(instruction.left),
          read(instruction.right),
        );
      case "extend":
        return evaluateExtend(instruction.bits, instruction.signed, read(instruction.src));
      case "swap":
        return evaluateSwap(instruction.bits, read(instruction.src));
      case "compare":
        return evaluateComparison(instruction.comparison, read(instruction.left), read(instruction.right))
          ? 1n
          : 0n;
      case "load":
        return memory.load(address(instruction), instruction.size);
      case "store":
        memory.store(address(instruction), instruction.size, read(instruction.value));
        return undefined;
      case "atomic": {
        const { size, operation } = instruction;
        const place = address(instruction);
        const bits = 8 * size;
        const old = memory.load(place, size);
        const value = BigInt.asUintN(bits, read(instruction.value));
        if (operation === "compareExchange") {
          if (old === BigInt.asUintN(bits, read(instruction.expected!))) memory.store(place, size, value);
        } else {
          const width = size === 4 ? 32 : 64;
          memory.store(
            place,
            size,
            operation === "exchange" ? value : evaluateAlu(operation, width, old, value),
          );
        }
        return old;
      }
      case "stackAddress":
        return slots[instruction.slot]!;
      case "mapAddress":
        return this.#options.mapAddress!(instruction.map.name);
      case "mapValueAddress":
        return this.#options.mapValueAddress!(instruction.map.name, instruction.offset);
      case "functionAddress":
        return FUNCTIONS_BASE + BigInt(this.#names.indexOf(instruction.function));
      case "helper":
        return this.#options.helper!(instruction.id, instruction.args.map(read), {
          memory,
          call: (place, args) => this.call(this.#names[Number(place - FUNCTIONS_BASE)]!, args),
        });
      case "call":
        return this.call(instruction.function, instruction.args.map(read));
    }
  }
}
