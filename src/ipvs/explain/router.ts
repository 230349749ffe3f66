/** What the kernel's routing answers the datapath in this namespace, asked for a program that runs elsewhere. */
import { copy, type FibLookup, viewOf } from "../../bpf/index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { question, RouteQuestion } from "../../kernel/route-question.ts";
import type { CompileRequest } from "../director/compiled-programs.ts";
import { sourceHash } from "../director/sources.ts";

/** The program that asks. */
export function routerRequest(): CompileRequest {
  const name = `lvs_way_${sourceHash().slice(0, 7)}`;
  return { module: "route-question", entry: "askRoute", options: {}, name };
}

const ANY_FRAME = new Uint8Array(14);
/** The loopback interface, which every namespace has. */
const LOOPBACK = 1;

export class Router {
  readonly #map: LoadedMap;
  readonly #program: LoadedProgram;

  constructor(compiled: CompiledProgram) {
    this.#map = createMap(question);
    try {
      this.#program = loadProgram(compiled, new Map([[question.name, this.#map]]));
    } catch (error) {
      this.#map.close();
      throw error;
    }
  }

  /** Answers a FIB_* code, and puts the answer into the request. Nothing of the kernel's is changed. */
  readonly ask = (request: FibLookup): number => {
    const asked = viewOf(RouteQuestion, new DataView(this.#map.memory()));
    copy(asked.request, request);
    this.#program.run({ data: ANY_FRAME, context: { ifindex: LOOPBACK } });
    copy(request, asked.request);
    return asked.answer;
  };

  close(): void {
    this.#program.close();
    this.#map.unmapMemory();
    this.#map.close();
  }
}
