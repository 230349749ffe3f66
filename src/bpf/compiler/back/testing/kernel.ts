/** Runs random modules' code in the kernel. */
import { createMap, type LoadedMap, loadProgram, VerifierError } from "../../../loader/index.ts";
import type { CompiledProgram } from "../../../program.ts";
import type { WorldInput, WorldOutcome } from "./world.ts";
import { DATA } from "./world-layout.ts";

export type KernelOutcome =
  | { readonly kind: "ran"; readonly outcomes: readonly WorldOutcome[] }
  /** The verifier gave up after a million steps: nothing is wrong with the program. */
  | { readonly kind: "tooComplex" }
  | { readonly kind: "rejected"; readonly message: string };

export class KernelRunner {
  readonly #map: LoadedMap = createMap(DATA);

  /** Loads a program and runs it on each input. Outcomes hold the low 32 bits of the result. */
  run(program: CompiledProgram, inputs: readonly WorldInput[]): KernelOutcome {
    const key = new Uint8Array(4);
    let loaded: ReturnType<typeof loadProgram>;
    try {
      loaded = loadProgram(program, new Map([[DATA.name, this.#map]]));
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      if (/too large|too complex/.test(error.log)) return { kind: "tooComplex" };
      return { kind: "rejected", message: `${error.message}\n${error.log.slice(-3000)}` };
    }
    try {
      const outcomes = inputs.map((input) => {
        this.#map.update(key, input.data);
        const words = new Uint32Array(input.scratch.slice().buffer);
        const result = loaded.run({ data: input.packet, context: { control: [...words] } });
        const control = Uint32Array.from(result.context.control ?? []);
        return {
          value: BigInt(result.verdict),
          data: Buffer.from(this.#map.lookup(key)!).toString("hex"),
          packet: Buffer.from(result.data).toString("hex"),
          scratch: Buffer.from(control.buffer).toString("hex"),
        };
      });
      return { kind: "ran", outcomes };
    } finally {
      loaded.close();
    }
  }

  close(): void {
    this.#map.close();
  }
}
