/** What there is of a real server in the calling thread's network namespace: where its state is, and who may change it. */
import { existsSync, readdirSync } from "node:fs";
import { currentNetworkNamespace, openStateDirectory, type StateDirectory } from "../../linux/index.ts";
import { removeIfDead } from "../director/collect.ts";
import { requireRoot } from "../director/kernel-administration.ts";
import { lockNamespace } from "../director/namespace-lock.ts";
import { choosePlaces, type DirectorOptions } from "../director/places.ts";
import type { RealServerFacts } from "./facts.ts";
import type { TunnelSettings } from "./model.ts";
import { readRealServerFacts } from "./read-facts.ts";
import { EMPTY_RECORD, type HostRecord, isEmpty } from "./record.ts";
import { RecordFile } from "./record-file.ts";
import { TunnelEnd } from "./tunnel-end.ts";

/** Names in the state directory: this, and the namespace's cookie. */
const PREFIX = "realserver-";

export interface RealServerHost {
  readonly facts: RealServerFacts;
  readonly record: HostRecord;
}

export interface ChangeableHost extends RealServerHost {
  readonly tunnelEnd: TunnelEnd;
  write(record: HostRecord): void;
  /** Removes what is of no use any more. */
  tidy(): void;
}

/** Calls `work` with what there is; nobody changes it meanwhile. Makes nothing. Throws IpvsError EPERM without root. */
export function readHost<T>(
  options: DirectorOptions,
  work: (host: RealServerHost & { readonly packets: ReadonlyMap<string, number> }) => T,
): T {
  requireRoot();
  const { stateDirectory } = choosePlaces(options);
  const root = openStateDirectory(stateDirectory, { create: false });
  if (root === undefined) return work({ ...withoutState(), packets: new Map() });
  return withLock(root, options, (host) => work({ ...host, packets: host.tunnelEnd.packets() }));
}

/** As {@link readHost}, for changes; what is of no use any more is removed afterwards. */
export function changeHost<T>(options: DirectorOptions, work: (host: ChangeableHost) => T): T {
  requireRoot();
  const root = openStateDirectory(choosePlaces(options).stateDirectory);
  return withLock(root, options, (host) => {
    try {
      return work(host);
    } finally {
      host.tidy();
    }
  });
}

function withoutState(): RealServerHost {
  const tunnelEnd = { links: [], outdated: [], addresses: new Map() };
  return { facts: readRealServerFacts(tunnelEnd), record: EMPTY_RECORD };
}

function withLock<T>(root: StateDirectory, options: DirectorOptions, work: (host: ChangeableHost) => T): T {
  const places = choosePlaces(options);
  const { cookie } = currentNetworkNamespace();
  try {
    const lock = lockNamespace(root, cookie, places);
    try {
      return work(openHost(root, cookie, places));
    } finally {
      // The lock's file stays only where there is something to lock.
      if (isUnused(root, cookie)) lock.remove();
      else lock.release();
    }
  } finally {
    root.close();
  }
}

function openHost(
  root: StateDirectory,
  cookie: bigint,
  { stateDirectory, cacheDirectory }: ReturnType<typeof choosePlaces>,
): ChangeableHost {
  const name = `${PREFIX}${cookie}.json`;
  const file = new RecordFile(`${root.filesPath}/${name}`, `${stateDirectory}/${name}`);
  let record = file.read();
  const recorded = (): ReadonlyMap<string, TunnelSettings> =>
    new Map(
      [...record.addresses].flatMap(([vip, { mode, tunnel }]) =>
        mode === "tun" ? [[vip, tunnel] as const] : [],
      ),
    );
  const tunnelEnd = new TunnelEnd(`${root.path}/${PREFIX}${cookie}`, cacheDirectory, recorded);
  return {
    facts: readRealServerFacts(tunnelEnd.facts()),
    record,
    tunnelEnd,
    write(next) {
      collectDead(root, cookie);
      // Under direct routing, too, so that what is written here does not outlive the namespace for ever.
      if (!isEmpty(next)) tunnelEnd.makeDirectory();
      file.write(next);
      record = next;
    },
    tidy: () => tunnelEnd.tidy(!isEmpty(record)),
  };
}

function isUnused(root: StateDirectory, cookie: bigint): boolean {
  const places = [
    `${root.path}/${cookie}`,
    `${root.path}/${PREFIX}${cookie}`,
    `${root.filesPath}/${PREFIX}${cookie}.json`,
  ];
  return !places.some((path) => existsSync(path));
}

/** Removes what namespaces have left that are certainly gone. */
function collectDead(root: StateDirectory, own: bigint): void {
  for (const name of readdirSync(root.path)) {
    if (!name.startsWith(PREFIX) || name === `${PREFIX}${own}`) continue;
    removeIfDead(root, name, [`${name}.json`, `${name.slice(PREFIX.length)}.lock`]);
  }
}
