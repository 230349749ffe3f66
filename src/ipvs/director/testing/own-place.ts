/** A place of a test file's own for directors in the kernel, fresh network namespaces for them, and what they are asked for. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import {
  createNetworkNamespace,
  createVeth,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  MNT_DETACH,
  umount,
  withRouteSocket,
} from "../../../linux/index.ts";
import type { Destination, ServiceKey, VirtualService } from "../../model.ts";
import { plainServer, plainService } from "../../testing/plain.ts";
import type { DirectorOptions } from "../places.ts";
import { directorStatus, unload } from "../status.ts";

/** Why tests of a director in the kernel are left out, or false. */
export const skip = process.getuid?.() === 0 ? false : "a director in the kernel needs root";
export const folder = skip === false ? mkdtempSync(join(tmpdir(), "lvs-director-")) : "";
export const options: DirectorOptions = {
  stateDirectory: join(folder, "run"),
  cacheDirectory: join(folder, "cache"),
  connections: 1024,
  patience: 20_000,
};
/** Where maps and programs are pinned, by namespace. */
export const pins = join(folder, "run", "bpf");
export const KEY = {
  ...{ kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 },
} as const satisfies ServiceKey;

/** Interfaces that the tests make or look at; kernels give a namespace others, such as gretap0. */
export const OURS: ReadonlySet<string> = new Set(["lo", "v0", "v1", "late", "peer"]);

let count = 0;

/** To be called once in a `describe`: makes the place before its tests, and removes it after them. */
export function useOwnPlace(): void {
  before(() => mkdirSync(folder, { recursive: true }));
  after(() => {
    umount(pins, MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });
}

export function service(key: ServiceKey = KEY, scheduler = "wrr"): VirtualService {
  return plainService(key, { scheduler });
}

/** 10.0.0.LAST:80, masqueraded, weight 1, but for what is given. */
export function server(last: number, settings: Partial<Destination> = {}): Destination {
  return plainServer(`10.0.0.${last}`, settings);
}

/** A name for a namespace that no other test process gives. */
export function namespaceName(what: string | number): string {
  return `planetest-${process.pid}-${what}`;
}

/** Runs `work` in a fresh network namespace with a veth pair, v0 and v1. */
export function inFreshNamespace(work: (cookie: bigint) => void): void {
  const name = namespaceName(count++);
  createNetworkNamespace(name);
  try {
    inNetworkNamespace(name, () => {
      withRouteSocket((socket) => createVeth(socket, { name: "v0" }, { name: "v1" }));
      work(currentNetworkNamespace().cookie);
      unload(options);
    });
  } finally {
    deleteNetworkNamespace(name);
  }
}

/** Those of OURS that the datapath is attached to. */
export function attachedTo(): string[] {
  return directorStatus(options)
    .interfaces.filter((each) => each.attached && OURS.has(each.name))
    .map((each) => each.name)
    .sort();
}
