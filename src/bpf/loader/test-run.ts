import { SystemError, tryBpf } from "../../linux/index.ts";
import type { LoadedProgram } from "./loaded-program.ts";
import { TEST_RUN_ANSWER, testRunAttribute } from "./program-attributes.ts";
import { decodeContext, encodeContext, type RunContext } from "./skb-context.ts";

export interface RunInput {
  /** The packet from its Ethernet header on: at least 14 bytes. */
  readonly data: Uint8Array;
  /** What the program finds about the packet besides its bytes; all 0 (and the first interface) by default. */
  readonly context?: RunContext;
  /** How often to run, on the same packet. Default 1. */
  readonly repeat?: number;
  /** By how many bytes the packet may grow. Default 512. */
  readonly room?: number;
}

export interface RunResult {
  /** What the program returned: for traffic control TC_OK 0, TC_SHOT 2, TC_REDIRECT 7… (u32). */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  readonly context: RunContext;
  /** Nanoseconds a run, the mean over all. */
  readonly duration: number;
}

const EINVAL = 22;
const ENODEV = 19;
const ENOSPC = 28;

/** BPF_PROG_TEST_RUN. Throws SystemError. */
export function runProgram(program: LoadedProgram, input: RunInput): RunResult {
  const { data, repeat = 1, room = 512 } = input;
  const withContext = program.type !== "xdp";
  const dataOut = new Uint8Array(data.length + room);
  const contextOut = withContext ? encodeContext({}) : undefined;
  const attribute = testRunAttribute({
    fd: program.fd,
    data,
    dataOut,
    repeat,
    ...(withContext ? { context: encodeContext(input.context ?? {}) } : {}),
    ...(contextOut === undefined ? {} : { contextOut }),
  });
  const result = tryBpf("BPF_PROG_TEST_RUN", attribute.bytes);
  if (result < 0) throw runError(program, input, -result);
  return {
    verdict: attribute.readU32(TEST_RUN_ANSWER.verdict),
    data: dataOut.subarray(0, attribute.readU32(TEST_RUN_ANSWER.dataSize)),
    context: contextOut === undefined ? {} : decodeContext(contextOut),
    duration: attribute.readU32(TEST_RUN_ANSWER.duration),
  };
}

function runError({ name }: LoadedProgram, { data, context, room }: RunInput, errno: number): SystemError {
  const advice: { readonly [errno: number]: string } = {
    [EINVAL]:
      data.length < 14
        ? `a packet has at least 14 bytes, this has ${data.length}`
        : "the packet or its context is not one that the kernel can build",
    [ENODEV]: `there is no interface ${context?.ifindex ?? 0} in this network namespace`,
    [ENOSPC]: `the packet grew by more than ${room ?? 512} bytes; give more room`,
  };
  const hint = advice[errno];
  return new SystemError("BPF_PROG_TEST_RUN", errno, {
    attempted: `program ${name}`,
    ...(hint === undefined ? {} : { advice: hint }),
  });
}
