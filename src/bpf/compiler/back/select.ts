/**
 * Instruction selection: the IR (out of SSA form) to eBPF instructions over virtual registers. Stack addresses become
 * the frame pointer plus an offset wherever they are used; constants become immediates where they fit.
 */
import { endianness } from "node:os";
import {
  type Instruction as AsmInstruction,
  atomic,
  atomicCompareExchange,
  atomicExchange,
  alu as build,
  callFunction,
  callHelper,
  load,
  loadFunction,
  loadImmediate,
  loadMap,
  loadMapValue,
  type Register,
  store,
  storeImmediate,
  toBigEndian,
  toLittleEndian,
} from "../../asm/index.ts";
import type {
  AluOperation,
  Comparison,
  Instruction,
  Operand,
  Reg,
  SourcePosition,
  Terminator,
} from "../../ir.ts";
import { dominatorsOf, loopDepths } from "./dominators.ts";
import { evaluateSwap, fitsImmediate, signed, storedImmediate, unsigned } from "./evaluate.ts";
import { blockOf, type Graph, type GraphBlock } from "./graph.ts";
import { lastUses } from "./last-use.ts";
import { frequencies, Likelihood } from "./likelihood.ts";
import {
  FIRST_VIRTUAL,
  FRAME_POINTER,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
  machineWays,
} from "./machine.ts";
import { definitionOf, MIRRORED } from "./operands.ts";
import { useCounts } from "./optimise/definitions.ts";
import type { SelectOptions } from "./select-options.ts";
import { type Mask, testedBits } from "./tested-bits.ts";

const COMMUTATIVE: ReadonlySet<AluOperation> = new Set(["add", "mul", "and", "or", "xor"]);

export function selectInstructions(graph: Graph, options: SelectOptions): MachineFunction {
  return new Selector(graph, options).run();
}

class Selector {
  readonly #graph: Graph;
  readonly #options: SelectOptions;
  readonly #bigEndian: boolean;
  /** Addresses of stack slots by the register that holds them. */
  readonly #stackAddresses = new Map<Reg, number>();
  /** Maps and functions, which only calls take: loaded where they are passed. */
  readonly #references = new Map<Reg, (dst: Register) => AsmInstruction>();
  /** How often each register is read. */
  readonly #reads: ReadonlyMap<Reg, number>;
  #likelihood: Likelihood | undefined;
  #nextRegister: number;
  #out: MachineInstruction[] = [];
  #at: SourcePosition | undefined;

  constructor(graph: Graph, options: SelectOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#bigEndian = options.bigEndian ?? endianness() === "BE";
    this.#nextRegister = FIRST_VIRTUAL + graph.nextRegister;
    this.#reads = useCounts(graph);
    this.#findAddresses();
  }

  run(): MachineFunction {
    const graph = this.#graph;
    const dominators = dominatorsOf(graph);
    this.#likelihood = new Likelihood(graph, loopDepths(graph, dominators));
    const dying = lastUses(graph);
    const blocks: MachineBlock[] = [];
    for (const id of dominators.order) {
      const block = blockOf(graph, id);
      this.#out = [];
      if (id === graph.entry) this.#enter();
      const tested = testedBits(block, this.#reads);
      for (const [index, instruction] of block.instructions.entries()) {
        this.#at = instruction.at ?? this.#at;
        if (instruction !== tested) this.#instruction(instruction, dying.get(id)![index]!);
      }
      this.#at = block.terminator.at ?? this.#at;
      const terminator = this.#terminator(block, tested);
      blocks.push({ id, instructions: this.#out, terminator, frequency: 1 });
    }
    const waysOf = new Map(blocks.map((block) => [block.id, machineWays(block.terminator)]));
    const frequency = frequencies(blocks, (id) => waysOf.get(id)!);
    for (const block of blocks) block.frequency = frequency.get(block.id) ?? 0;
    return {
      name: graph.name,
      blocks,
      nextRegister: this.#nextRegister,
      slotBytes: this.#options.slotBytes,
      nextSpill: 0,
    };
  }

  /** Registers assigned once, with an address that is cheaper to make again than to keep. */
  #findAddresses(): void {
    const assigned = new Map<Reg, number>();
    for (const block of this.#graph.blocks.values()) {
      for (const instruction of block.instructions) {
        const dst = definitionOf(instruction);
        if (dst !== undefined) assigned.set(dst, (assigned.get(dst) ?? 0) + 1);
      }
    }
    for (const block of this.#graph.blocks.values()) {
      for (const instruction of block.instructions) {
        const dst = definitionOf(instruction);
        if (dst === undefined || assigned.get(dst) !== 1) continue;
        if (instruction.op === "stackAddress") {
          this.#stackAddresses.set(dst, this.#options.slotOffsets[instruction.slot]!);
        } else if (instruction.op === "mapAddress") {
          this.#references.set(dst, (register) => loadMap(register, instruction.map.name));
        } else if (instruction.op === "functionAddress") {
          this.#references.set(dst, (register) => loadFunction(register, instruction.function));
        }
      }
    }
  }

  #enter(): void {
    this.#at = this.#graph.at;
    for (const [index, parameter] of this.#graph.parameters.entries()) {
      this.#emit(build.mov.reg(this.#virtual(parameter), (index + 1) as Register));
    }
  }

  #emit(instruction: AsmInstruction, extra: Partial<MachineInstruction> = {}): void {
    this.#out.push({ ...instruction, ...(this.#at ? { at: this.#at } : {}), ...extra });
  }

  /** Constructors of the assembler take real registers; here virtual ones pass through them. */
  #virtual(reg: Reg): Register {
    return (FIRST_VIRTUAL + reg) as Register;
  }

  #temporary(): Register {
    return this.#nextRegister++ as Register;
  }

  #constant(dst: Register, value: bigint): void {
    const bits = unsigned(value);
    if (fitsImmediate(bits)) this.#emit(build.mov.imm(dst, Number(signed(bits))));
    else if (bits <= 0xffffffffn) this.#emit(build.mov.imm32(dst, Number(bits) | 0));
    else this.#emit(loadImmediate(dst, bits));
  }

  /** dst = operand. */
  #moveTo(dst: Register, operand: Operand): void {
    if (!("reg" in operand)) {
      this.#constant(dst, operand.value);
      return;
    }
    const reference = this.#references.get(operand.reg);
    const offset = this.#stackAddresses.get(operand.reg);
    if (reference) this.#emit(reference(dst));
    else if (offset === undefined) {
      this.#emit(build.mov.reg(dst, this.#virtual(operand.reg)));
    } else {
      this.#emit(build.mov.reg(dst, FRAME_POINTER));
      this.#emit(build.add.imm(dst, offset));
    }
  }

  /** A register that holds the operand. */
  #register(operand: Operand): Register {
    const made = (reg: Reg) => this.#stackAddresses.has(reg) || this.#references.has(reg);
    if ("reg" in operand && !made(operand.reg)) return this.#virtual(operand.reg);
    const register = this.#temporary();
    this.#moveTo(register, operand);
    return register;
  }

  /** Base and offset of a memory access. */
  #place(base: Reg, offset: number): [Register, number] {
    const slot = this.#stackAddresses.get(base);
    if (slot !== undefined) return [FRAME_POINTER, slot + offset];
    if (offset >= -0x8000 && offset <= 0x7fff) return [this.#virtual(base), offset];
    const register = this.#temporary();
    this.#emit(build.mov.reg(register, this.#virtual(base)));
    this.#emit(build.add.imm(register, offset));
    return [register, 0];
  }

  #instruction(instruction: Instruction, dying: ReadonlySet<Reg>): void {
    switch (instruction.op) {
      case "move":
        this.#moveTo(this.#virtual(instruction.dst), instruction.src);
        return;
      case "alu":
        this.#alu(instruction, dying);
        return;
      case "extend":
        this.#extend(instruction);
        return;
      case "hide":
        this.#hide(instruction);
        return;
      case "swap": {
        const dst = this.#virtual(instruction.dst);
        this.#moveTo(dst, instruction.src);
        this.#swap(dst, instruction.bits);
        return;
      }
      case "compare":
        throw new Error("a compare reached instruction selection; it should have become a branch");
      case "load": {
        const [base, offset] = this.#place(instruction.base, instruction.offset);
        this.#emit(load(this.#virtual(instruction.dst), base, offset, instruction.size));
        return;
      }
      case "store":
        this.#store(instruction);
        return;
      case "atomic":
        this.#atomic(instruction);
        return;
      case "stackAddress":
        if (!this.#stackAddresses.has(instruction.dst)) {
          const dst = this.#virtual(instruction.dst);
          this.#emit(build.mov.reg(dst, FRAME_POINTER));
          this.#emit(build.add.imm(dst, this.#options.slotOffsets[instruction.slot]!));
        }
        return;
      case "mapAddress":
        if (!this.#references.has(instruction.dst)) {
          this.#emit(loadMap(this.#virtual(instruction.dst), instruction.map.name));
        }
        return;
      case "mapValueAddress":
        this.#emit(loadMapValue(this.#virtual(instruction.dst), instruction.map.name, instruction.offset));
        return;
      case "functionAddress":
        if (!this.#references.has(instruction.dst)) {
          this.#emit(loadFunction(this.#virtual(instruction.dst), instruction.function));
        }
        return;
      case "helper":
        this.#arguments(instruction.args);
        this.#emit(callHelper(instruction.id, instruction.name), { arguments: instruction.args.length });
        this.#result(instruction.dst);
        return;
      case "call":
        this.#arguments(instruction.args);
        this.#emit(callFunction(instruction.function), { arguments: instruction.args.length });
        this.#result(instruction.dst);
    }
  }

  #arguments(args: readonly Operand[]): void {
    for (const [index, operand] of args.entries()) this.#moveTo((index + 1) as Register, operand);
  }

  #result(dst: Reg | undefined): void {
    if (dst !== undefined) this.#emit(build.mov.reg(this.#virtual(dst), 0));
  }

  #alu(instruction: Extract<Instruction, { op: "alu" }>, dying: ReadonlySet<Reg>): void {
    const { operation, width } = instruction;
    const dst = this.#virtual(instruction.dst);
    let { left, right } = instruction;
    if (COMMUTATIVE.has(operation)) {
      // The left side is overwritten: better a constant's turn to be an immediate, or a register that ends here.
      const leftStays = "reg" in left && !dying.has(left.reg);
      const rightEnds = "reg" in right && dying.has(right.reg);
      if (!("reg" in left) || (leftStays && rightEnds)) [left, right] = [right, left];
    }
    if ("reg" in right && right.reg === instruction.dst && !("reg" in left && left.reg === instruction.dst)) {
      const copy = this.#temporary();
      this.#emit(build.mov.reg(copy, this.#virtual(right.reg)));
      this.#moveTo(dst, left);
      this.#emit(width === 32 ? build[operation].reg32(dst, copy) : build[operation].reg(dst, copy));
      return;
    }
    if ("value" in right) {
      this.#aluImmediate(operation, width, dst, left, right.value);
      return;
    }
    const source = this.#register(right);
    this.#moveTo(dst, left);
    this.#emit(width === 32 ? build[operation].reg32(dst, source) : build[operation].reg(dst, source));
  }

  #aluImmediate(operation: AluOperation, width: 32 | 64, dst: Register, left: Operand, value: bigint): void {
    const right = BigInt.asUintN(width, value);
    const shift = operation === "lsh" || operation === "rsh" || operation === "arsh";
    if (right === 0n && operation === "div") {
      this.#constant(dst, 0n);
      return;
    }
    this.#moveTo(dst, left);
    if (right === 0n && operation === "mod") {
      if (width === 32) this.#emit(build.mov.reg32(dst, dst));
    } else if (width === 32) {
      const immediate = shift ? Number(right) % 32 : Number(BigInt.asIntN(32, right));
      this.#emit(build[operation].imm32(dst, immediate));
    } else if (shift) {
      this.#emit(build[operation].imm(dst, Number(right % 64n)));
    } else if (fitsImmediate(right)) {
      this.#emit(build[operation].imm(dst, Number(signed(right))));
    } else if (operation === "and" && right <= 0xffffffffn) {
      // The high half of the mask is zero, and 32-bit operations zero the high half.
      this.#emit(build.and.imm32(dst, Number(BigInt.asIntN(32, right))));
    } else {
      const constant = this.#temporary();
      this.#constant(constant, right);
      this.#emit(build[operation].reg(dst, constant));
    }
  }

  #extend(instruction: Extract<Instruction, { op: "extend" }>): void {
    const dst = this.#virtual(instruction.dst);
    if (!instruction.signed && instruction.bits === 32) {
      this.#emit(build.mov.reg32(dst, this.#register(instruction.src)));
      return;
    }
    this.#moveTo(dst, instruction.src);
    if (instruction.signed) {
      this.#emit(build.lsh.imm(dst, 64 - instruction.bits));
      this.#emit(build.arsh.imm(dst, 64 - instruction.bits));
    } else {
      this.#emit(build.and.imm(dst, instruction.bits === 8 ? 0xff : 0xffff));
    }
  }

  #swap(dst: Register, bits: 16 | 32 | 64): void {
    this.#emit(this.#bigEndian ? toLittleEndian(dst, bits) : toBigEndian(dst, bits));
  }

  /** Byte swaps: verifiers of kernels where it matters do not follow them. */
  #hide({ dst: target, src }: Extract<Instruction, { op: "hide" }>): void {
    const dst = this.#virtual(target);
    const isShort = "value" in src && unsigned(src.value) <= 0xffffffffn;
    this.#moveTo(dst, isShort ? { value: evaluateSwap(32, src.value) } : src);
    this.#swap(dst, isShort ? 32 : 64);
    if (!isShort) this.#swap(dst, 64);
  }

  #store(instruction: Extract<Instruction, { op: "store" }>): void {
    const { size, value } = instruction;
    const [base, offset] = this.#place(instruction.base, instruction.offset);
    const immediate = "value" in value ? storedImmediate(value.value, size) : undefined;
    if (immediate !== undefined && !this.#options.contexts.has(instruction.base)) {
      this.#emit(storeImmediate(base, offset, immediate, size));
    } else {
      this.#emit(store(base, offset, this.#register(value), size));
    }
  }

  #atomic(instruction: Extract<Instruction, { op: "atomic" }>): void {
    const { operation, size } = instruction;
    const [base, offset] = this.#place(instruction.base, instruction.offset);
    if (operation === "compareExchange") {
      const value = this.#register(instruction.value);
      this.#moveTo(0, instruction.expected ?? { value: 0n });
      this.#emit(atomicCompareExchange(base, offset, value, size));
      this.#result(instruction.dst);
      return;
    }
    if (operation === "exchange") {
      const register = instruction.dst === undefined ? this.#temporary() : this.#virtual(instruction.dst);
      this.#moveTo(register, instruction.value);
      this.#emit(atomicExchange(base, offset, register, size));
      return;
    }
    if (instruction.dst === undefined) {
      this.#emit(atomic(operation, base, offset, this.#register(instruction.value), size));
    } else {
      const dst = this.#virtual(instruction.dst);
      this.#moveTo(dst, instruction.value);
      this.#emit(atomic(operation, base, offset, dst, size, true));
    }
  }

  #terminator(block: GraphBlock, tested: Mask | undefined): MachineTerminator {
    const { terminator } = block;
    const at = this.#at ? { at: this.#at } : {};
    switch (terminator.op) {
      case "jump":
        return { ...at, op: "jump", target: terminator.target };
      case "return":
        this.#moveTo(0, terminator.value ?? { value: 0n });
        return { ...at, op: "exit" };
      case "branch":
        return { ...at, ...this.#branch(block, terminator, tested) };
    }
  }

  #branch(
    block: GraphBlock,
    terminator: Extract<Terminator, { op: "branch" }>,
    tested: Mask | undefined,
  ): MachineTerminator {
    let { left, right } = terminator;
    let comparison: Comparison = terminator.comparison;
    if ("value" in left) {
      [left, right] = [right, left];
      comparison = MIRRORED[comparison];
    }
    const chance = this.#likelihood?.of(block, terminator) ?? 0.5;
    const targets = { yes: terminator.then, no: terminator.otherwise, chance };
    if (tested && "value" in tested.right) {
      return {
        op: "branch",
        comparison: comparison === "ne" ? "set" : "clear",
        narrow: false,
        left: this.#register(tested.left),
        right: { immediate: Number(signed(unsigned(tested.right.value))) },
        ...targets,
      };
    }
    const register = this.#register(left);
    const base = { op: "branch", comparison, left: register, ...targets } as const;
    if ("reg" in right) return { ...base, narrow: false, right: { reg: this.#register(right) } };
    const value = unsigned(right.value);
    if (fitsImmediate(value)) {
      return { ...base, narrow: false, right: { immediate: Number(signed(value)) } };
    }
    const isNarrow = "reg" in left && this.#options.narrow?.has(left.reg) === true;
    if (isNarrow && value <= 0xffffffffn && !comparison.startsWith("s")) {
      return { ...base, narrow: true, right: { immediate: Number(BigInt.asIntN(32, value)) } };
    }
    return { ...base, narrow: false, right: { reg: this.#register(right) } };
  }
}
