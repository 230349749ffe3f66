import { readFileSync } from "node:fs";

/**
 * The processor time this machine has spent working, in microseconds, summed over CPUs since boot: everything but
 * idle, waiting for disks and what the hypervisor stole. /proc/stat counts it in ticks of 10 ms, so a
 * measurement should cover seconds.
 */
export function busyMicroseconds(): number {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * 10_000;
}

/** What `work` returned, how long it took (s) and the processor time (µs) the whole machine spent meanwhile. */
export interface Timed<T> {
  readonly value: T;
  readonly seconds: number;
  readonly cpuMicroseconds: number;
}

/** Runs `work` and accounts for the machine's time. Nothing else should run meanwhile. */
export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const cpu = busyMicroseconds();
  const start = performance.now();
  const value = await work();
  return {
    value,
    seconds: (performance.now() - start) / 1000,
    cpuMicroseconds: busyMicroseconds() - cpu,
  };
}
