import { readSync, writeSync } from "node:fs";

const STDIN = 0;
const RETRY_MS = 5;

/** The reader of what we print has gone away (`ipvsadm -L | head`): nothing more is to be said to anybody. */
export class ClosedOutputError extends Error {
  override readonly name = "ClosedOutputError";
  readonly code = "EPIPE";
  /** The status a shell shows for a process that SIGPIPE ended. */
  readonly exit = 141;
}

/** All of the standard input as text, waiting for its end. Empty if it is closed. */
export function readStandardInput(): string {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(0x10000);
  for (;;) {
    const count = attempt(() => readSync(STDIN, buffer, 0, buffer.length, null), 0);
    if (count === 0) return Buffer.concat(chunks).toString("utf8");
    chunks.push(buffer.slice(0, count));
  }
}

/**
 * Writes text to the standard output or error, all of it, before it returns.
 *
 * @throws ClosedOutputError if nobody reads any more
 */
export function writeStandard(stream: "stdout" | "stderr", text: string): void {
  const descriptor = stream === "stdout" ? 1 : 2;
  const bytes = Buffer.from(text, "utf8");
  for (let done = 0; done < bytes.length; ) {
    done += attempt(() => writeSync(descriptor, bytes, done), bytes.length - done);
  }
}

/** Repeats a call as long as the descriptor is not ready; `closed` answers for one that is not open. */
function attempt(call: () => number, closed: number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") throw new ClosedOutputError("nobody reads the output");
      if (code === "EOF" || code === "EBADF") return closed;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
