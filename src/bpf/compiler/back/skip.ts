/**
 * Threading over whole stretches, outside SSA form: who comes to blocks that only compute, and is certain to leave them
 * for one place where nothing of that is wanted, goes there at once. So a header that is not there makes `a === null ||
 * b === null` leave before b is looked at.
 */
import type { BlockId, Operand, Reg } from "../../ir.ts";
import { unsigned } from "./evaluate.ts";
import { blockOf, type Graph, type GraphBlock, mapTargets, predecessorsOf } from "./graph.ts";
import { decide, type Fact, Knowledge } from "./knowledge.ts";
import { livenessOf } from "./liveness.ts";
import { definitionOf, isRemovable } from "./operands.ts";

/** Instructions of a block that is worth looking into. */
const MAXIMUM_BLOCK = 8;
/** Blocks that are looked at for one way in. */
const MAXIMUM_BLOCKS = 16;

/** True if anything changed. Leaves unreachable blocks and chains behind. */
export function skipStretches(graph: Graph): boolean {
  const predecessors = predecessorsOf(graph);
  const knowledge = new Knowledge(graph, predecessors);
  const { liveIn } = livenessOf(graph);
  let changed = false;
  for (const block of [...graph.blocks.values()]) {
    if (!onlyComputes(block)) continue;
    for (const from of [...new Set(predecessors.get(block.id)!)]) {
      const stretch = new Stretch(graph, (reg) => knowledge.onEdge(from, block.id, reg, 0), knowledge);
      const target = stretch.end(block.id, liveIn);
      if (target === undefined || target === block.id) continue;
      const source = blockOf(graph, from);
      source.terminator = mapTargets(source.terminator, (id) => (id === block.id ? target : id));
      predecessors.set(
        block.id,
        predecessors.get(block.id)!.filter((id) => id !== from),
      );
      predecessors.get(target)!.push(from);
      changed = true;
    }
  }
  return changed;
}

function onlyComputes({ instructions, terminator }: GraphBlock): boolean {
  return (
    terminator.op !== "return" && instructions.length <= MAXIMUM_BLOCK && instructions.every(isRemovable)
  );
}

/** A block on a path, and the registers that the blocks before it on the path assign. */
interface Step {
  readonly id: BlockId;
  readonly defined: ReadonlySet<Reg>;
}

/** The blocks that one way in may lead through. */
class Stretch {
  readonly #graph: Graph;
  readonly #before: (reg: Reg) => Fact;
  readonly #knowledge: Knowledge;
  readonly #paths: (readonly Step[])[] = [];
  #visited = 0;
  #decided = false;

  constructor(graph: Graph, before: (reg: Reg) => Fact, knowledge: Knowledge) {
    this.#graph = graph;
    this.#before = before;
    this.#knowledge = knowledge;
  }

  /** The first block that all ways from `start` lead to and that wants nothing of what is computed until there. */
  end(start: BlockId, liveIn: ReadonlyMap<BlockId, ReadonlySet<Reg>>): BlockId | undefined {
    if (!this.#follow(start, [], new Set(), new Map()) || !this.#decided) return undefined;
    const [first, ...others] = this.#paths;
    for (const step of first?.slice(1) ?? []) {
      const steps = [step, ...others.map((path) => path.find(({ id }) => id === step.id))];
      const wants = (reg: Reg): boolean => liveIn.get(step.id)?.has(reg) === true;
      if (steps.every((each) => each && ![...each.defined].some(wants))) return step.id;
    }
    return undefined;
  }

  #follow(id: BlockId, path: readonly Step[], before: ReadonlySet<Reg>, facts: Map<Reg, Fact>): boolean {
    if (++this.#visited > MAXIMUM_BLOCKS) return false;
    const block = blockOf(this.#graph, id);
    const here = [...path, { id, defined: before }];
    if (!onlyComputes(block)) {
      this.#paths.push(here);
      return true;
    }
    const factOf = (operand: Operand): Fact => {
      if (!("reg" in operand)) return { constant: unsigned(operand.value) };
      return facts.has(operand.reg) ? facts.get(operand.reg) : this.#before(operand.reg);
    };
    const defined = new Set(before);
    for (const instruction of block.instructions) {
      const dst = definitionOf(instruction)!;
      facts.set(dst, this.#knowledge.evaluate(instruction, factOf));
      defined.add(dst);
    }
    const { terminator } = block;
    if (terminator.op === "jump") return this.#follow(terminator.target, here, defined, facts);
    if (terminator.op !== "branch") return false;
    const holds = decide(terminator, factOf(terminator.left), factOf(terminator.right));
    if (holds !== undefined) {
      this.#decided = true;
      return this.#follow(holds ? terminator.then : terminator.otherwise, here, defined, facts);
    }
    return (
      this.#follow(terminator.then, here, defined, new Map(facts)) &&
      this.#follow(terminator.otherwise, here, defined, facts)
    );
  }
}
