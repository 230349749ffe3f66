/** The back end: IR in, eBPF out. */
import { type Instruction as AsmInstruction, slotsOf } from "../../asm/index.ts";
import type { IrModule, Reg } from "../../ir.ts";
import type { MapDefinition } from "../../map.ts";
import type { CompiledProgram, FunctionInfo, LineInfo } from "../../program.ts";
import { allocateRegisters } from "./allocate/allocate.ts";
import { expandCompares } from "./compares.ts";
import { contextRegisters, markContextParameters } from "./contexts.ts";
import { emitFunction } from "./emit.ts";
import { BackEndError } from "./errors.ts";
import { calleesOf, checkFrames, type Frame, layoutSlots } from "./frames.ts";
import type { Graph } from "./graph.ts";
import { type InlineOptions, inlineFunctions, reachable, tailCallIn } from "./inline.ts";
import { layoutBlocks } from "./layout.ts";
import { optimise } from "./optimise/optimise.ts";
import { selectInstructions } from "./select.ts";

export interface ProgramOptions {
  readonly name: string;
  readonly type: CompiledProgram["type"];
  readonly license: string;
}

export interface GenerateOptions extends InlineOptions {
  /** Byte order of the machine that runs the program. Default: this machine's. */
  readonly bigEndian?: boolean;
}

/**
 * Compiles a module: inlines, optimises, allocates registers. The entry comes first; functions and maps that nothing
 * refers to any more are left out.
 *
 * @throws BackEndError, StackLimitError
 */
export function generate(
  module: IrModule,
  program: ProgramOptions,
  options: GenerateOptions = {},
): CompiledProgram {
  const inlined = inlineFunctions(module, options);
  for (const graph of inlined.values()) optimise(graph, { isEntry: graph.name === module.entry });
  const graphs = reachable(module.entry, inlined);
  checkTailCalls(module.entry, graphs);
  markContextParameters(module.entry, graphs);

  const instructions: AsmInstruction[] = [];
  const functions: FunctionInfo[] = [];
  const frames = new Map<string, Frame>();
  let start = 0;
  for (const graph of entryFirst(module.entry, graphs)) {
    const { code, frame } = compile(graph, options);
    const { separate } = module.functions.get(graph.name) ?? {};
    functions.push({ name: graph.name, start, ...(separate === undefined ? {} : { separate }) });
    frames.set(graph.name, frame);
    for (const instruction of code) {
      instructions.push(instruction);
      start += slotsOf(instruction);
    }
  }
  checkFrames(frames);
  return {
    ...program,
    instructions,
    functions,
    lines: lineInfo(instructions, functions),
    maps: mapsOf(graphs.values()),
  };
}

function checkTailCalls(entry: string, graphs: ReadonlyMap<string, Graph>): void {
  for (const graph of graphs.values()) {
    const call = graph.name === entry ? undefined : tailCallIn(graph);
    if (call === undefined) continue;
    throw new BackEndError(
      "TAIL_CALL",
      `${graph.name} makes a tail call: callbacks and @separate functions cannot, only the entry and what is inlined into it`,
      call.at,
    );
  }
}

function compile(graph: Graph, options: GenerateOptions): { code: AsmInstruction[]; frame: Frame } {
  expandCompares(graph);
  const contexts: ReadonlySet<Reg> = contextRegisters(graph);
  const slots = layoutSlots(graph);
  const machine = selectInstructions(graph, {
    slotOffsets: slots.offsets,
    slotBytes: slots.bytes,
    contexts,
    ...(options.bigEndian === undefined ? {} : { bigEndian: options.bigEndian }),
  });
  const bytes = allocateRegisters(machine);
  const code = emitFunction(graph.name, layoutBlocks(machine));
  const uses = graph.slots
    .filter((_, slot) => graph.slotConflicts?.has(slot) !== false)
    .map(({ name, size }) => ({ function: graph.name, name, size }));
  if (bytes > slots.bytes) {
    uses.push({ function: graph.name, name: "saved registers", size: bytes - slots.bytes });
  }
  return { code, frame: { graph, bytes, uses, callees: calleesOf(graph) } };
}

function entryFirst(entry: string, graphs: ReadonlyMap<string, Graph>): Graph[] {
  const first = graphs.get(entry)!;
  return [first, ...[...graphs.values()].filter((graph) => graph !== first)];
}

/** An entry wherever the place changes, and at the start of each function, as the kernel demands. */
function lineInfo(instructions: readonly AsmInstruction[], functions: readonly FunctionInfo[]): LineInfo[] {
  const starts = new Set(functions.map((info) => info.start));
  const lines: LineInfo[] = [];
  let slot = 0;
  let last: LineInfo | undefined;
  for (const instruction of instructions) {
    const place = instruction.at;
    const changed =
      place && (last?.file !== place.file || last.line !== place.line || last.column !== place.column);
    if (changed || (starts.has(slot) && (place ?? last))) {
      const { file, line, column, text } = place ?? last!;
      last = { start: slot, file, line, column, text };
      lines.push(last);
    }
    slot += slotsOf(instruction);
  }
  return lines;
}

function mapsOf(graphs: Iterable<Graph>): MapDefinition[] {
  const maps = new Set<MapDefinition>();
  for (const graph of graphs) {
    for (const block of graph.blocks.values()) {
      for (const instruction of block.instructions) {
        if (instruction.op === "mapAddress" || instruction.op === "mapValueAddress")
          maps.add(instruction.map);
      }
    }
  }
  return [...maps];
}
