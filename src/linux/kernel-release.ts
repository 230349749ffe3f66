import { release } from "node:os";

/** The version of a kernel. */
export interface KernelRelease {
  readonly major: number;
  readonly minor: number;
  /** What `uname -r` prints. */
  readonly text: string;
}

/** The version in a text such as "6.1.0-56-amd64". Throws RangeError if there is none. */
export function parseKernelRelease(text: string): KernelRelease {
  const match = /^(\d+)\.(\d+)/.exec(text);
  if (match === null) throw new RangeError(`"${text}" is not a kernel release`);
  return { major: Number(match[1]), minor: Number(match[2]), text };
}

/** The version of the running kernel. */
export function kernelRelease(): KernelRelease {
  return parseKernelRelease(release());
}

/** Whether a kernel (by default the running one) is of this version or a later one. */
export function kernelAtLeast(major: number, minor: number, kernel = kernelRelease()): boolean {
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}
