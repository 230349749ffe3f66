/** What one run of one workload gave. */
export interface Measurement {
  /** Connections, requests, bytes or packets that arrived. */
  readonly units: number;
  readonly seconds: number;
  /** Processor time of the whole machine. */
  readonly cpuMicroseconds: number;
  /** µs, where the workload has one. */
  readonly latency?: { readonly p50: number; readonly p99: number };
  /** What the load generator complained about. */
  readonly trouble?: string;
}
