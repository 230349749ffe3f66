import { SystemError, tryBpf } from "../../linux/index.ts";
import { btfLoadAttribute } from "./program-attributes.ts";

const EPERM = 1;
const LOG_BYTES = 1 << 20;

/** Gives the kernel a BTF blob; returns its descriptor. Throws SystemError with the last words of the kernel's log. */
export function loadBtf(blob: Uint8Array, what: string): number {
  const fd = tryBpf("BPF_BTF_LOAD", btfLoadAttribute(blob).bytes);
  if (fd >= 0) return fd;
  const kernelMessage = fd === -EPERM ? undefined : lastWords(blob);
  throw new SystemError("BPF_BTF_LOAD", -fd, {
    attempted: `types of ${what}`,
    ...(kernelMessage === undefined ? {} : { kernelMessage }),
    ...(fd === -EPERM ? { advice: "bpf needs root (CAP_BPF and CAP_NET_ADMIN)" } : {}),
  });
}

function lastWords(blob: Uint8Array): string | undefined {
  const buffer = Buffer.alloc(LOG_BYTES);
  tryBpf("BPF_BTF_LOAD", btfLoadAttribute(blob, { level: 1, buffer }).bytes);
  return buffer.toString("utf8", 0, buffer.indexOf(0)).trim().split("\n").at(-1) || undefined;
}
