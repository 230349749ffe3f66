/** All workloads, in the order in which a round runs them. */
import type { BenchLab } from "../lab.ts";
import { bulk } from "./bulk.ts";
import { knownFlows, newFlows } from "./flood.ts";
import { connections, keepAlive } from "./http.ts";
import type { Measurement } from "./measurement.ts";

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** One unit of it, as the header of a column. */
  readonly short: string;
  readonly unit: { readonly name: string; readonly scale: number };
  readonly udp: boolean;
  run(lab: BenchLab, target: string): Promise<Measurement>;
}

/** The workloads, of so many seconds, or datagrams, each. */
export function workloadsOf(seconds: number, packets: number): readonly Workload[] {
  return [
    {
      name: "connections",
      title: "New connections",
      short: "new connection",
      unit: { name: "connection", scale: 1 },
      udp: false,
      run: (lab, to) => connections(lab, to, seconds),
    },
    {
      name: "requests",
      title: "Requests over open connections",
      short: "request over an open connection",
      unit: { name: "request", scale: 1 },
      udp: false,
      run: (lab, to) => keepAlive(lab, to, seconds),
    },
    {
      name: "bulk1",
      title: "Bulk, one stream",
      short: "gigabyte, one stream",
      unit: { name: "GB", scale: 1e9 },
      udp: false,
      run: (lab, to) => bulk(lab, to, seconds, 1),
    },
    {
      name: "bulk8",
      title: "Bulk, eight streams",
      short: "gigabyte, eight streams",
      unit: { name: "GB", scale: 1e9 },
      udp: false,
      run: (lab, to) => bulk(lab, to, seconds, 8),
    },
    {
      name: "known",
      title: "Datagrams of known flows",
      short: "datagram of a known flow",
      unit: { name: "packet", scale: 1 },
      udp: true,
      run: (lab, to) => knownFlows(lab, to, packets * 2),
    },
    {
      name: "new",
      title: "Datagrams, each a new flow",
      short: "datagram that is a new flow",
      unit: { name: "packet", scale: 1 },
      udp: true,
      run: (lab, to) => newFlows(lab, to, packets),
    },
  ];
}
