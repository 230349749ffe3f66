/**
 * Finds views of the packet that are used after a helper which may have moved the packet's data. The kernel's verifier
 * would refuse the program in terms of registers; here it is said in terms of the source.
 *
 * Within a function a register may hold an address that came from `packet.header` or from a parameter; a helper that moves
 * data makes all of them stale. Between functions a summary says whether a function moves data, which of its parameters
 * it reads through, which of them after having moved data, and what its result comes from. Functions do not
 * recurse, so that callees are summarised before their callers.
 */
import type { Block, Instruction, IrFunction, IrModule, Operand, Reg, SourcePosition } from "../../ir.ts";
import { CompileError } from "../errors.ts";

/** A place where packet data may move, and how: by which helper, or in which function. */
interface Move {
  readonly at: SourcePosition | undefined;
  readonly by: string;
}

interface StaleUse {
  readonly use: SourcePosition | undefined;
  readonly move: Move;
}

interface Summary {
  readonly moves: Move | undefined;
  /** By parameter index: memory behind it is read or written. */
  readonly uses: ReadonlySet<number>;
  /** By parameter index: that happens after data has moved. */
  readonly usesStale: ReadonlyMap<number, StaleUse>;
  readonly result: Address | undefined;
}

/** What is known of an address in a register. */
interface Address {
  /** It may point into the packet of its own: from `packet.header`, here or in a callee. */
  readonly packet: boolean;
  /** It may be one of these parameters. */
  readonly parameters: ReadonlySet<number>;
  /** Data may have moved since. */
  readonly stale: Move | undefined;
}

type State = Map<Reg, Address>;

/** One CompileError for each use of a stale view. */
export function checkStalePackets(module: IrModule): CompileError[] {
  const summaries = new Map<string, Summary>();
  const errors = new Map<string, CompileError>();
  for (const name of calleesFirst(module)) {
    const analysis = new Analysis(module.functions.get(name)!, summaries, errors);
    summaries.set(name, analysis.run());
  }
  return [...errors.values()];
}

function calleesFirst(module: IrModule): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const block of module.functions.get(name)!.blocks) {
      for (const each of block.instructions) {
        if (each.op === "call" || each.op === "functionAddress") visit(each.function);
      }
    }
    order.push(name);
  };
  visit(module.entry);
  return order;
}

class Analysis {
  readonly #function: IrFunction;
  readonly #summaries: ReadonlyMap<string, Summary>;
  readonly #errors: Map<string, CompileError>;
  readonly #uses = new Set<number>();
  readonly #usesStale = new Map<number, StaleUse>();
  #moves: Move | undefined;
  #result: Address | undefined;

  constructor(
    source: IrFunction,
    summaries: ReadonlyMap<string, Summary>,
    errors: Map<string, CompileError>,
  ) {
    this.#function = source;
    this.#summaries = summaries;
    this.#errors = errors;
  }

  run(): Summary {
    const blocks = new Map(this.#function.blocks.map((block) => [block.id, block]));
    const entry = this.#function.blocks[0]!.id;
    const states = new Map<number, State>([[entry, this.#entryState()]]);
    const pending = [entry];
    for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
      const block = blocks.get(id)!;
      const state: State = new Map(states.get(id)!);
      this.#block(block, state);
      for (const next of successors(block)) {
        const known = states.get(next);
        if (!known) states.set(next, new Map(state));
        else if (!joinInto(known, state)) continue;
        if (!pending.includes(next)) pending.push(next);
      }
    }
    return { moves: this.#moves, uses: this.#uses, usesStale: this.#usesStale, result: this.#result };
  }

  #entryState(): State {
    return new Map(
      this.#function.parameters.map((reg, i) => [
        reg,
        { packet: false, parameters: new Set([i]), stale: undefined },
      ]),
    );
  }

  #block(block: Block, state: State): void {
    for (const instruction of block.instructions) this.#instruction(instruction, state);
    const { terminator } = block;
    if (terminator.op === "return" && terminator.value && "reg" in terminator.value) {
      const address = state.get(terminator.value.reg);
      if (address) this.#result = this.#result ? joined(this.#result, address) : address;
    }
  }

  #instruction(instruction: Instruction, state: State): void {
    const { at } = instruction;
    switch (instruction.op) {
      case "move":
        this.#define(instruction.dst, addressIn(instruction.src, state), state);
        return;
      case "alu":
        this.#define(
          instruction.dst,
          instruction.width === 64 ? pointer(instruction.left, instruction.right, state) : undefined,
          state,
        );
        return;
      case "load":
        this.#use(instruction.base, at, state);
        state.delete(instruction.dst);
        return;
      case "store":
        this.#use(instruction.base, at, state);
        return;
      case "atomic":
        this.#use(instruction.base, at, state);
        if (instruction.dst !== undefined) state.delete(instruction.dst);
        return;
      case "helper":
        for (const each of instruction.args) if ("reg" in each) this.#use(each.reg, at, state);
        if (instruction.invalidatesPackets) this.#move({ at, by: instruction.name }, state);
        if (instruction.dst !== undefined) state.delete(instruction.dst);
        return;
      case "call":
        this.#call(instruction, state);
        return;
      default:
        state.delete(instruction.dst);
    }
  }

  #call(instruction: Extract<Instruction, { op: "call" }>, state: State): void {
    const { at, args, dst } = instruction;
    const callee = this.#summaries.get(instruction.function)!;
    const addresses = args.map((each) => addressIn(each, state));
    for (const [i, address] of addresses.entries()) {
      if (!address) continue;
      const late = callee.usesStale.get(i);
      if (late) this.#report(address, late);
      if (callee.uses.has(i)) this.#useAddress(address, at);
    }
    if (callee.moves) this.#move({ at, by: callee.moves.by }, state);
    if (dst === undefined) return;
    const { result } = callee;
    if (!result) {
      state.delete(dst);
      return;
    }
    let address: Address = { packet: result.packet, parameters: new Set(), stale: result.stale };
    for (const i of result.parameters) {
      const passed = addresses[i];
      if (passed) address = joined(address, { ...passed, stale: passed.stale ?? result.stale });
    }
    this.#define(dst, address, state);
  }

  #define(dst: Reg, address: Address | undefined, state: State): void {
    const isHeader = this.#function.packetRegisters.has(dst);
    if (isHeader) state.set(dst, { packet: true, parameters: new Set(), stale: undefined });
    else if (address) state.set(dst, address);
    else state.delete(dst);
  }

  #move(move: Move, state: State): void {
    this.#moves ??= move;
    for (const [reg, address] of state) {
      if (!address.stale) state.set(reg, { ...address, stale: move });
    }
  }

  #use(reg: Reg, at: SourcePosition | undefined, state: State): void {
    const address = state.get(reg);
    if (address) this.#useAddress(address, at);
  }

  #useAddress(address: Address, use: SourcePosition | undefined): void {
    for (const i of address.parameters) this.#uses.add(i);
    if (address.stale) this.#report(address, { use, move: address.stale });
  }

  /** A stale use: an error if the address is surely a view of the packet; of a parameter, the callers decide. */
  #report(address: Address, { use, move }: StaleUse): void {
    for (const i of address.parameters) if (!this.#usesStale.has(i)) this.#usesStale.set(i, { use, move });
    if (!address.packet || !use) return;
    const key = `${use.file}:${use.line}`;
    if (this.#errors.has(key)) return;
    const notes = move.at ? [{ message: `${move.by} may move the packet's data here`, at: move.at }] : [];
    this.#errors.set(
      key,
      new CompileError(
        "COMPILE_STALE_PACKET",
        `this view of the packet was taken before ${move.by} may have moved the data: call packet.header again after it`,
        use,
        notes,
      ),
    );
  }
}

function successors({ terminator }: Block): number[] {
  if (terminator.op === "jump") return [terminator.target];
  return terminator.op === "branch" ? [terminator.then, terminator.otherwise] : [];
}

function addressIn(operand: Operand, state: State): Address | undefined {
  return "reg" in operand ? state.get(operand.reg) : undefined;
}

/** The address that arithmetic on an address gives. */
function pointer(left: Operand, right: Operand, state: State): Address | undefined {
  const [a, b] = [addressIn(left, state), addressIn(right, state)];
  return a && b ? joined(a, b) : (a ?? b);
}

function joined(a: Address, b: Address): Address {
  const parameters = new Set([...a.parameters, ...b.parameters]);
  return { packet: a.packet || b.packet, parameters, stale: a.stale ?? b.stale };
}

/** Joins `from` into `into`; whether that changed anything. */
function joinInto(into: State, from: State): boolean {
  let changed = false;
  for (const [reg, address] of from) {
    const known = into.get(reg);
    const both = known ? joined(known, address) : address;
    const same =
      known !== undefined &&
      known.packet === both.packet &&
      known.parameters.size === both.parameters.size &&
      (known.stale === undefined) === (both.stale === undefined);
    if (same) continue;
    into.set(reg, both);
    changed = true;
  }
  return changed;
}
