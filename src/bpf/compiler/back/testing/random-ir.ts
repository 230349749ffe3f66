/**
 * Random modules: loops, branches, calls, callbacks, stack slots, map values, atomics. Every module ends, reads only
 * what it wrote, and is what the verifier accepts: pointers are never computed with, accesses are in bounds.
 */
import type { IrFunction, IrModule, Operand, Reg, Size } from "../../../ir.ts";
import { constant, FunctionBuilder } from "./builder.ts";
import { Random } from "./random.ts";
import { COMPARISONS, RandomValues } from "./random-values.ts";
import {
  CONTEXT_DATA,
  CONTEXT_DATA_END,
  CONTEXT_SCRATCH,
  DATA,
  DATA_SIZE,
  HELPERS,
  PACKET_SIZE,
} from "./world-layout.ts";

const SIZES: readonly Size[] = [1, 2, 4, 8];
export interface RandomOptions {
  /** Statements of the entry; other functions have fewer. Default 14. */
  readonly size?: number;
}

/** The same seed gives the same module. The entry `main` takes the context. */
export function randomModule(seed: number, options: RandomOptions = {}): IrModule {
  const random = new Random(seed);
  const functions = new Map<string, IrFunction>();
  const callable: Callable[] = [];
  const count = random.below(4);
  for (let i = 0; i < count; i++) {
    const kind = random.pick(["scalar", "scalar", "pointer", "find"] as const);
    const parameters = kind === "find" ? 1 : random.below(4) + 1;
    const name = `f${i}`;
    const built = new Writer(random, name, kind, parameters, callable).function(random.below(6) + 2);
    functions.set(name, built);
    callable.push({ name, kind, parameters });
  }
  if (random.chance(40)) {
    functions.set("callback", new Writer(random, "callback", "callback", 2, callable).function(3));
    callable.push({ name: "callback", kind: "callback", parameters: 2 });
  }
  functions.set("main", new Writer(random, "main", "entry", 1, callable).function(options.size ?? 14));
  return { entry: "main", functions };
}

interface Callable {
  readonly name: string;
  /** scalar: numbers in, number out. pointer: first parameter is 16 bytes of memory. find: a map value or null. */
  readonly kind: "scalar" | "pointer" | "find" | "callback" | "entry";
  readonly parameters: number;
}

/** Memory that may be accessed now. */
interface Place {
  readonly base: Reg;
  readonly size: number;
  readonly kind: "stack" | "map" | "parameter" | "packet";
}

class Writer {
  readonly #random: Random;
  readonly #kind: Callable["kind"];
  readonly #b: FunctionBuilder;
  readonly #callable: readonly Callable[];
  readonly #values: RandomValues;
  #places: Place[] = [];
  #context: Reg | undefined;
  #slots = 0;
  #loops = 0;
  #calls = 0;

  constructor(
    random: Random,
    name: string,
    kind: Callable["kind"],
    parameters: number,
    callable: readonly Callable[],
  ) {
    this.#random = random;
    this.#kind = kind;
    this.#callable = callable;
    this.#b = new FunctionBuilder(name, parameters);
    this.#values = new RandomValues(random, this.#b);
  }

  function(statements: number): IrFunction {
    const b = this.#b;
    const random = this.#random;
    const parameters = [...b.parameters];
    if (this.#kind === "entry") this.#context = parameters.shift()!;
    if (this.#kind === "pointer")
      this.#places.push({ base: parameters.shift()!, size: 16, kind: "parameter" });
    if (this.#kind === "callback")
      this.#places.push({ base: parameters.pop()!, size: 16, kind: "parameter" });
    for (const parameter of parameters) {
      const variable = b.register();
      b.move(variable, { reg: parameter });
      this.#values.variables.push(variable);
    }
    const wanted = this.#kind === "entry" ? random.below(10) + 3 : random.below(3) + 1;
    while (this.#values.variables.length < wanted) {
      const variable = b.register();
      const scratch = CONTEXT_SCRATCH + 4 * random.below(5);
      const value =
        this.#context !== undefined && random.chance(70)
          ? b.load(4, this.#context, scratch)
          : this.#values.constant();
      b.move(variable, value);
      this.#values.variables.push(variable);
    }
    this.#statements(statements, 0);
    this.#return();
    const never = this.#kind === "entry" || this.#kind === "callback" || random.chance(30);
    return b.build(never ? "never" : "auto");
  }

  #return(): void {
    const b = this.#b;
    if (this.#kind === "find") b.end({ op: "return", value: this.#lookup(this.#values.scalar()) });
    else if (this.#kind === "callback") {
      b.end({ op: "return", value: b.alu("and", 64, this.#values.scalar(), constant(1)) });
    } else {
      let value = this.#values.scalar();
      if (this.#kind === "entry")
        for (const reg of this.#values.variables) value = b.alu("xor", 64, value, { reg });
      b.end({ op: "return", value });
    }
  }

  #statements(count: number, depth: number): void {
    const places = this.#places;
    for (let i = 0; i < count; i++) this.#statement(depth);
    this.#places = places;
  }

  #statement(depth: number): void {
    const roll = this.#random.below(100);
    if (roll < 34) this.#assign();
    else if (roll < 44) this.#storeSomething();
    else if (roll < 50) this.#assignLoad();
    else if (roll < 54) this.#newPlace();
    else if (roll < 58) this.#atomic();
    else if (roll < 70 && depth < 3) this.#if(depth);
    else if (roll < 75 && depth < 2 && this.#loops < 2) this.#loop(depth);
    else if (roll < 79) this.#useLookup();
    else if (roll < 87) this.#call();
    else if (roll < 89 && depth > 0) this.#leave();
    else if (roll < 92) this.#loadBytes();
    else if (roll < 94) this.#contextStore();
    else if (roll < 96 && this.#kind === "entry") this.#bpfLoop();
    else if (roll < 98) this.#header();
    else this.#maybePointer();
  }

  #assign(): void {
    this.#b.move(this.#values.variable().reg, this.#values.expression(0));
  }

  #place(): Place {
    if (this.#places.length === 0 || this.#random.chance(15)) this.#newPlace();
    return this.#random.pick(this.#places);
  }

  #newPlace(): void {
    const b = this.#b;
    if (this.#slots < 3 && this.#random.chance(60)) {
      this.#slots++;
      const size = this.#random.pick([8, 16, 24]);
      this.#places = [...this.#places, { base: b.slot(`s${this.#slots}`, size), size, kind: "stack" }];
    } else {
      const offset = 8 * this.#random.below(4);
      const base = b.mapValue(DATA, offset);
      this.#places = [...this.#places, { base, size: DATA_SIZE - offset, kind: "map" }];
    }
  }

  /** Base and offset of an aligned access; map values also at a variable offset. */
  #access(size: Size): [Reg, number] {
    const place = this.#place();
    const steps = place.size / size;
    if (place.kind === "map" && place.size === DATA_SIZE && this.#random.chance(30)) {
      const index = this.#values.bounded(steps / 2);
      const scaled = this.#b.alu("mul", 64, index, constant(size));
      const address = this.#b.alu("add", 64, { reg: place.base }, scaled);
      return [address.reg, (this.#random.below(steps) * size) % (DATA_SIZE / 2)];
    }
    return [place.base, this.#random.below(steps) * size];
  }

  /** A header of the packet, if it is all there. */
  #header(): void {
    if (this.#context === undefined) {
      this.#assign();
      return;
    }
    const b = this.#b;
    const size = 16;
    const data = b.load(4, this.#context, CONTEXT_DATA);
    const offset = this.#random.chance(50)
      ? constant(this.#random.below(PACKET_SIZE))
      : this.#values.bounded(64);
    const start = b.alu("add", 64, data, offset);
    b.packetRegisters.add(start.reg);
    const end = b.alu("add", 64, start, constant(size));
    const header = b.register();
    const some = b.block();
    const none = b.block();
    const after = b.block();
    b.branch("gt", end, b.load(4, this.#context, CONTEXT_DATA_END), none.id, some.id);
    b.at(some);
    b.move(header, start);
    b.jump(after);
    b.at(none);
    b.move(header, constant(0));
    b.jump(after);
    b.at(after);
    this.#withPointer({ reg: header }, size);
  }

  #storeSomething(): void {
    const size = this.#random.pick(SIZES);
    const value = this.#values.scalar();
    const [base, offset] = this.#access(size);
    this.#b.store(size, base, offset, value);
  }

  #assignLoad(): void {
    const size = this.#random.pick(SIZES);
    const [base, offset] = this.#access(size);
    this.#b.move(this.#values.variable().reg, this.#b.load(size, base, offset, this.#random.chance(10)));
  }

  #atomic(): void {
    // No atomics on packets: the verifier refuses them.
    const size = this.#random.pick([4, 8] as const);
    const operation = this.#random.pick(["add", "and", "or", "xor", "exchange", "compareExchange"] as const);
    const value = this.#values.scalar();
    const expected = operation === "compareExchange" ? { expected: this.#values.scalar() } : {};
    const fetch = operation.includes("xchange") || this.#random.chance(50);
    const dst = this.#b.register();
    const places = this.#places;
    this.#places = places.filter(({ kind }) => kind !== "packet");
    const [base, offset] = this.#access(size);
    this.#places = places;
    this.#b.emit({
      op: "atomic",
      operation,
      size,
      base,
      offset,
      value,
      ...expected,
      ...(fetch ? { dst } : {}),
    });
    if (fetch) this.#b.move(this.#values.variable().reg, { reg: dst });
  }

  #if(depth: number): void {
    const b = this.#b;
    const yes = b.block();
    const no = b.block();
    const after = b.block();
    b.branch(this.#random.pick(COMPARISONS), this.#values.scalar(), this.#values.scalar(), yes.id, no.id);
    b.at(yes);
    this.#statements(this.#random.below(3) + 1, depth + 1);
    b.jump(after);
    b.at(no);
    if (this.#random.chance(60)) this.#statements(this.#random.below(3) + 1, depth + 1);
    b.jump(after);
    b.at(after);
  }

  #loop(depth: number): void {
    const b = this.#b;
    this.#loops++;
    const counter = b.register();
    const head = b.block();
    const body = b.block();
    const after = b.block();
    b.move(counter, constant(0));
    b.jump(head);
    b.at(head);
    b.branch("lt", { reg: counter }, constant(this.#random.below(4) + 1), body.id, after.id);
    b.at(body);
    b.move(this.#values.variable().reg, b.alu("add", 64, this.#values.variable(), { reg: counter }));
    this.#statements(this.#random.below(3) + 1, depth + 1);
    if (this.#random.chance(30)) {
      const go = b.block();
      b.branch(this.#random.pick(COMPARISONS), this.#values.scalar(), this.#values.scalar(), go.id, after.id);
      b.at(go);
    }
    b.move(counter, b.alu("add", 64, { reg: counter }, constant(1)));
    b.jump(head);
    b.at(after);
  }

  /** A pointer to the map's element, or null. */
  #lookup(key: Operand): Operand & { reg: Reg } {
    const b = this.#b;
    const address = b.slot("key", 8);
    b.store(4, address, 0, key);
    const map = b.register();
    b.emit({ op: "mapAddress", dst: map, map: DATA });
    return b.helper(HELPERS.lookup, "map_lookup_elem", [{ reg: map }, { reg: address }]);
  }

  #useLookup(): void {
    if (this.#slots >= 3) {
      this.#assign();
      return;
    }
    this.#slots++;
    const key = this.#random.chance(70) ? constant(this.#random.below(2)) : this.#values.scalar();
    this.#withPointer(this.#lookup(key));
  }

  /** Tests a pointer and uses it where it is not null. */
  #withPointer(pointer: Operand & { reg: Reg }, size = DATA_SIZE): void {
    const b = this.#b;
    const found = b.block();
    const missing = b.block();
    const after = b.block();
    b.branch("eq", pointer, constant(0), missing.id, found.id);
    b.at(found);
    const places = this.#places;
    this.#places = [...places, { base: pointer.reg, size, kind: size === DATA_SIZE ? "map" : "packet" }];
    this.#statements(this.#random.below(3) + 1, 2);
    this.#places = places;
    b.jump(after);
    b.at(missing);
    if (this.#random.chance(40)) this.#statements(1, 2);
    b.jump(after);
    b.at(after);
  }

  /** A pointer that is null on one path, a map value on the other, and is tested where they meet. */
  #maybePointer(): void {
    const b = this.#b;
    const pointer = b.register();
    const some = b.block();
    const none = b.block();
    const after = b.block();
    b.branch(this.#random.pick(COMPARISONS), this.#values.scalar(), this.#values.scalar(), some.id, none.id);
    b.at(some);
    b.move(pointer, { reg: b.mapValue(DATA, 0) });
    b.jump(after);
    b.at(none);
    b.move(pointer, constant(0));
    b.jump(after);
    b.at(after);
    this.#withPointer({ reg: pointer });
  }

  #call(): void {
    const usable = this.#callable.filter((callee) => callee.kind !== "callback");
    if (usable.length === 0 || this.#calls >= 3 || this.#loops > 0) {
      this.#assign();
      return;
    }
    this.#calls++;
    const b = this.#b;
    const callee = this.#random.pick(usable);
    const args: Operand[] = [];
    if (callee.kind === "pointer") {
      if (this.#slots >= 3) return;
      this.#slots++;
      const base = b.slot("shared", 16);
      args.push({ reg: base });
      this.#places = [...this.#places, { base, size: 16, kind: "stack" }];
    }
    while (args.length < callee.parameters) args.push(this.#values.scalar());
    const dst = b.register();
    b.emit({ op: "call", function: callee.name, dst, args });
    if (callee.kind === "find") this.#withPointer({ reg: dst });
    else b.move(this.#values.variable().reg, { reg: dst });
  }

  #leave(): void {
    const b = this.#b;
    const go = b.block();
    const out = b.block();
    b.branch(this.#random.pick(COMPARISONS), this.#values.scalar(), this.#values.scalar(), out.id, go.id);
    b.at(out);
    this.#return();
    b.at(go);
  }

  #loadBytes(): void {
    if (this.#context === undefined || this.#slots >= 3) {
      this.#assign();
      return;
    }
    this.#slots++;
    const b = this.#b;
    const base = b.slot("bytes", 16);
    this.#places = [...this.#places, { base, size: 16, kind: "stack" }];
    const offset = constant(this.#random.below(PACKET_SIZE + 8));
    const args = [{ reg: this.#context }, offset, { reg: base }, constant(16)];
    b.move(this.#values.variable().reg, b.helper(HELPERS.loadBytes, "skb_load_bytes", args));
  }

  #contextStore(): void {
    if (this.#context === undefined) {
      this.#assign();
      return;
    }
    const offset = CONTEXT_SCRATCH + 4 * this.#random.below(5);
    this.#b.store(4, this.#context, offset, this.#values.scalar());
  }

  #bpfLoop(): void {
    const callback = this.#callable.find((callee) => callee.kind === "callback");
    if (!callback || this.#slots >= 3) {
      this.#assign();
      return;
    }
    this.#slots++;
    const b = this.#b;
    const base = b.slot("context", 16);
    const address = b.register();
    b.emit({ op: "functionAddress", dst: address, function: callback.name });
    const args = [constant(this.#random.below(5) + 1), { reg: address }, { reg: base }, constant(0)];
    b.move(this.#values.variable().reg, b.helper(HELPERS.loop, "loop", args));
    this.#places = [...this.#places, { base, size: 16, kind: "stack" }];
  }
}
