import type { LoadedMap } from "./loaded-map.ts";

export interface RingPollerOptions {
  /** Milliseconds between two looks while records come. Default 5. */
  readonly busy?: number;
  /** Milliseconds between two looks when nothing has come for a while. Default 100. */
  readonly idle?: number;
  /** Whether it keeps the process from ending. Default false. */
  readonly keepAlive?: boolean;
  /** What happens when `handler` throws. Default: it is thrown into the event loop. */
  readonly onError?: (error: unknown) => void;
}

/** A reader that {@link pollRing} started. */
export interface RingPoller {
  /** Stops; the map stays open. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Hands the records of a ring buffer to `handler` from the event loop. A look costs some memory reads and no
 * system call, so it looks by timer, the less often the longer nothing comes: no thread waits in the kernel, and
 * the process can end at any time.
 */
export function pollRing(
  map: LoadedMap,
  handler: (record: Uint8Array) => void,
  options: RingPollerOptions = {},
): RingPoller {
  const { busy = 5, idle = 100, keepAlive = false, onError } = options;
  let delay = busy;
  let open = true;
  let timer: NodeJS.Timeout | undefined;
  const schedule = (): void => {
    if (!open) return;
    timer = setTimeout(look, delay);
    if (!keepAlive) timer.unref();
  };
  const look = (): void => {
    try {
      const count = map.consume(handler);
      delay = count > 0 ? busy : Math.min(idle, delay * 2);
    } catch (error) {
      if (onError === undefined) throw error;
      onError(error);
    } finally {
      schedule();
    }
  };
  const close = (): void => {
    open = false;
    clearTimeout(timer);
  };
  schedule();
  return { close, [Symbol.dispose]: close };
}
