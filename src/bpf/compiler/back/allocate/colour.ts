/**
 * Register allocation by iterated register coalescing (George and Appel, "Iterated Register Coalescing", 1996): nodes
 * with fewer than ten neighbours are set aside, moves are merged when that cannot make the graph harder, and what
 * resists becomes a candidate for spilling; colours are given in reverse order.
 */
import { COLOURS, type MachineInstruction } from "../machine.ts";
import type { Interference } from "./interference.ts";

export interface Colouring {
  /** The real register of each virtual one that has one. */
  readonly colours: ReadonlyMap<number, number>;
  /** Virtual registers without a colour. */
  readonly spilled: readonly number[];
}

export interface ColourOptions {
  /** Registers that must not be spilled: they already are the shortest possible. */
  readonly unspillable: ReadonlySet<number>;
  /** Registers that are cheap to compute again. */
  readonly cheap: ReadonlySet<number>;
}

export function colour(graph: Interference, options: ColourOptions): Colouring {
  return new Colourer(graph, options).run();
}

/** Registers lost by calls first: the others are needed by values that live across calls. */
const PREFERENCE = [1, 2, 3, 4, 5, 0, 6, 7, 8, 9];

/** How much more it costs to spill a register that lives for a few instructions. */
const SHORT_FACTOR = 50;

class Colourer {
  readonly #options: ColourOptions;
  readonly #neighbours = new Map<number, Set<number>>();
  readonly #degree = new Map<number, number>();
  readonly #costs: Map<number, number>;
  readonly #unspillable: Set<number>;
  readonly #movesOf = new Map<number, Set<MachineInstruction>>();
  readonly #alias = new Map<number, number>();
  readonly #selectStack: number[] = [];
  readonly #selected = new Set<number>();
  readonly #coalesced = new Set<number>();

  readonly #simplify = new Set<number>();
  readonly #freeze = new Set<number>();
  readonly #spill = new Set<number>();
  readonly #worklistMoves = new Set<MachineInstruction>();
  readonly #activeMoves = new Set<MachineInstruction>();

  constructor(graph: Interference, options: ColourOptions) {
    this.#options = options;
    this.#costs = new Map(graph.costs);
    for (const register of graph.short)
      this.#costs.set(register, (this.#costs.get(register) ?? 0) * SHORT_FACTOR);
    this.#unspillable = new Set(options.unspillable);
    for (const [register, others] of graph.neighbours) {
      this.#neighbours.set(register, new Set(others));
      this.#degree.set(register, others.size);
    }
    for (const move of graph.moves) {
      if (move.src === move.dst) continue;
      for (const side of [move.src, move.dst]) {
        const list = this.#movesOf.get(side);
        if (list) list.add(move);
        else this.#movesOf.set(side, new Set([move]));
      }
      this.#worklistMoves.add(move);
    }
    for (const register of graph.neighbours.keys()) this.#classify(register);
  }

  run(): Colouring {
    for (;;) {
      const simple = first(this.#simplify);
      if (simple !== undefined) this.#simplifyNode(simple);
      else if (this.#worklistMoves.size > 0) this.#coalesce();
      else if (this.#freeze.size > 0) this.#freezeNode(this.#cheapest(this.#freeze));
      else if (this.#spill.size > 0) this.#selectSpill();
      else break;
    }
    return this.#assign();
  }

  #classify(register: number): void {
    if (this.#degree.get(register)! >= COLOURS) this.#spill.add(register);
    else if (this.#moveRelated(register)) this.#freeze.add(register);
    else this.#simplify.add(register);
  }

  *#adjacent(register: number): Iterable<number> {
    for (const other of this.#neighbours.get(register) ?? []) {
      if (!this.#selected.has(other) && !this.#coalesced.has(other)) yield other;
    }
  }

  *#nodeMoves(register: number): Iterable<MachineInstruction> {
    for (const move of this.#movesOf.get(register) ?? []) {
      if (this.#activeMoves.has(move) || this.#worklistMoves.has(move)) yield move;
    }
  }

  #moveRelated(register: number): boolean {
    for (const _ of this.#nodeMoves(register)) return true;
    return false;
  }

  #simplifyNode(register: number): void {
    this.#simplify.delete(register);
    this.#selectStack.push(register);
    this.#selected.add(register);
    for (const other of this.#adjacent(register)) this.#decrementDegree(other);
  }

  #decrementDegree(register: number): void {
    if (register < COLOURS) return;
    const degree = this.#degree.get(register)!;
    this.#degree.set(register, degree - 1);
    if (degree !== COLOURS) return;
    this.#enableMoves(register);
    for (const other of this.#adjacent(register)) this.#enableMoves(other);
    this.#spill.delete(register);
    if (this.#moveRelated(register)) this.#freeze.add(register);
    else this.#simplify.add(register);
  }

  #enableMoves(register: number): void {
    for (const move of this.#nodeMoves(register)) {
      if (!this.#activeMoves.delete(move)) continue;
      this.#worklistMoves.add(move);
    }
  }

  #resolve(register: number): number {
    let node = register;
    while (this.#coalesced.has(node)) node = this.#alias.get(node)!;
    return node;
  }

  #coalesce(): void {
    const move = this.#bestMove();
    this.#worklistMoves.delete(move);
    const x = this.#resolve(move.dst);
    const y = this.#resolve(move.src);
    const [u, v] = y < COLOURS ? [y, x] : [x, y];
    if (u === v) {
      this.#addToSimplify(u);
    } else if (v < COLOURS || this.#interferes(u, v)) {
      this.#addToSimplify(u);
      this.#addToSimplify(v);
    } else if (u < COLOURS ? this.#georgeTest(u, v) : this.#briggsTest(u, v)) {
      this.#combine(u, v);
      this.#addToSimplify(u);
    } else {
      this.#activeMoves.add(move);
    }
  }

  /** The first move: blocks come with the likeliest code first, loops are few. */
  #bestMove(): MachineInstruction {
    return first(this.#worklistMoves)!;
  }

  #interferes(a: number, b: number): boolean {
    return this.#neighbours.get(a)?.has(b) === true || this.#neighbours.get(b)?.has(a) === true;
  }

  #addToSimplify(register: number): void {
    if (register < COLOURS || this.#moveRelated(register) || this.#degree.get(register)! >= COLOURS) return;
    if (!this.#freeze.delete(register)) return;
    this.#simplify.add(register);
  }

  /** Every neighbour of v gets along with the real register u. */
  #georgeTest(u: number, v: number): boolean {
    for (const other of this.#adjacent(v)) {
      if (other < COLOURS || this.#degree.get(other)! < COLOURS || this.#interferes(other, u)) continue;
      return false;
    }
    return true;
  }

  /** The merged node has fewer than ten difficult neighbours. */
  #briggsTest(u: number, v: number): boolean {
    let difficult = 0;
    const seen = new Set<number>();
    for (const node of [u, v]) {
      for (const other of this.#adjacent(node)) {
        if (seen.has(other)) continue;
        seen.add(other);
        if (other < COLOURS || this.#degree.get(other)! >= COLOURS) difficult++;
      }
    }
    return difficult < COLOURS;
  }

  #combine(u: number, v: number): void {
    if (!this.#freeze.delete(v)) this.#spill.delete(v);
    this.#coalesced.add(v);
    this.#alias.set(v, u);
    const moves = this.#movesOf.get(u) ?? new Set();
    for (const move of this.#movesOf.get(v) ?? []) moves.add(move);
    this.#movesOf.set(u, moves);
    this.#enableMoves(v);
    this.#costs.set(u, (this.#costs.get(u) ?? 0) + (this.#costs.get(v) ?? 0));
    if (this.#unspillable.has(v)) this.#unspillable.add(u);
    for (const other of this.#adjacent(v)) {
      this.#addEdge(other, u);
      this.#decrementDegree(other);
    }
    if (u >= COLOURS && this.#degree.get(u)! >= COLOURS && this.#freeze.delete(u)) this.#spill.add(u);
  }

  #addEdge(a: number, b: number): void {
    if (a === b || this.#interferes(a, b)) return;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if (from < COLOURS) continue;
      this.#neighbours.get(from)!.add(to);
      this.#degree.set(from, this.#degree.get(from)! + 1);
    }
  }

  #freezeNode(register: number): void {
    this.#freeze.delete(register);
    this.#simplify.add(register);
    this.#freezeMoves(register);
  }

  #freezeMoves(register: number): void {
    for (const move of [...this.#nodeMoves(register)]) {
      const x = this.#resolve(move.dst);
      const y = this.#resolve(move.src);
      const other = y === this.#resolve(register) ? x : y;
      this.#activeMoves.delete(move);
      this.#worklistMoves.delete(move);
      if (other < COLOURS || this.#moveRelated(other) || this.#degree.get(other)! >= COLOURS) continue;
      if (this.#freeze.delete(other)) this.#simplify.add(other);
    }
  }

  #cheapest(nodes: ReadonlySet<number>): number {
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const node of nodes) {
      let cost = 0;
      for (const _ of this.#nodeMoves(node)) cost++;
      if (cost >= bestCost) continue;
      best = node;
      bestCost = cost;
    }
    return best!;
  }

  #selectSpill(): void {
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const register of this.#spill) {
      const cost = this.#spillCost(register);
      if (cost < bestCost || best === undefined) {
        best = register;
        bestCost = cost;
      }
    }
    this.#spill.delete(best!);
    this.#simplify.add(best!);
    this.#freezeMoves(best!);
  }

  #spillCost(register: number): number {
    if (this.#unspillable.has(register)) return Number.POSITIVE_INFINITY;
    const cost = (this.#costs.get(register) ?? 0) * (this.#options.cheap.has(register) ? 0.4 : 1);
    // Long lives are in the way of many others: squared, so that few of them go rather than many short ones.
    return cost / (this.#degree.get(register)! + 1) ** 2;
  }

  #assign(): Colouring {
    const colours = new Map<number, number>();
    const spilled: number[] = [];
    const colourOf = (register: number): number | undefined => {
      const node = this.#resolve(register);
      return node < COLOURS ? node : colours.get(node);
    };
    for (const register of this.#selectStack.reverse()) {
      const taken = new Set<number>();
      for (const other of this.#neighbours.get(register)!) {
        const used = colourOf(other);
        if (used !== undefined) taken.add(used);
      }
      const wanted = this.#wanted(register, colourOf);
      const free = [...wanted, ...PREFERENCE].find((candidate) => !taken.has(candidate));
      if (free === undefined) spilled.push(register);
      else colours.set(register, free);
    }
    for (const register of this.#coalesced) {
      const colourOfAlias = colourOf(register);
      if (colourOfAlias === undefined) spilled.push(register);
      else colours.set(register, colourOfAlias);
    }
    return { colours, spilled };
  }

  /** Colours of the other sides of moves: taking one removes the move after all. */
  #wanted(register: number, colourOf: (register: number) => number | undefined): number[] {
    const wanted: number[] = [];
    for (const move of this.#movesOf.get(register) ?? []) {
      for (const side of [move.dst, move.src]) {
        const colour = this.#resolve(side) === register ? undefined : colourOf(side);
        if (colour !== undefined && colour < COLOURS) wanted.push(colour);
      }
    }
    return wanted;
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const value of set) return value;
  return undefined;
}
