/** BPF_PROG_TEST_RUN many times: one attribute and one set of buffers for all runs. */
import type { LoadedProgram } from "../../bpf/loader/index.ts";
import { addressOf, tryBpf } from "../../linux/index.ts";
import { CAPACITY } from "./writer.ts";

/** Bytes by which a packet may grow. */
const ROOM = 512;
/** Of union bpf_attr, the part of test runs: descriptor 0, verdict 4, sizes 8 and 12, buffers 16 and 24, repeat 32, duration 36, context 40 and 48. */
const ATTRIBUTE = 80;
/** Of struct __sk_buff: the mark at 8, the interface at 40. */
const CONTEXT = 192;

export class FastRunner {
  readonly #attribute = new Uint8Array(ATTRIBUTE);
  readonly #words: Uint32Array;
  readonly #context = new Uint32Array(CONTEXT / 4);
  readonly output = new Uint8Array(CAPACITY + ROOM);
  /** Of the last run: its verdict, the packet's length afterwards, and how many ns it took. */
  verdict = 0;
  length = 0;
  duration = 0;

  /** Runs `program` on what is in `input`, a buffer that stays. */
  constructor(program: LoadedProgram, input: Uint8Array) {
    this.#words = new Uint32Array(this.#attribute.buffer);
    const pointers = new BigUint64Array(this.#attribute.buffer);
    this.#words[0] = program.fd;
    pointers[2] = addressOf(input);
    pointers[3] = addressOf(this.output);
    this.#words[8] = 1;
    this.#words[10] = CONTEXT;
    pointers[6] = addressOf(new Uint8Array(this.#context.buffer));
  }

  /** Runs once on the first `length` bytes. Answers 0, or the error's number. */
  run(length: number, ifindex: number, mark: number): number {
    const words = this.#words;
    words[1] = 0;
    words[2] = length;
    words[3] = this.output.length;
    words[9] = 0;
    this.#context[2] = mark;
    this.#context[10] = ifindex;
    const result = tryBpf("BPF_PROG_TEST_RUN", this.#attribute);
    if (result < 0) return -result;
    this.verdict = words[1]!;
    this.length = words[3]!;
    this.duration = words[9]!;
    return 0;
  }
}
