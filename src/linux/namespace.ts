import { access, fstatSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { errnoNumber, hasCode, SystemError } from "./errno.ts";
import { close, flock, LOCK, MNT_DETACH, MS, mount, O, open, umount } from "./files.ts";
import { makeDirectory } from "./make-directory.ts";
import { inInitialMountNamespace } from "./mount-namespace.ts";
import { CLONE, openOwnNamespace, setns, thereAndBack, unshare } from "./namespace-calls.ts";
import { AF, getSocketOption, SO, SOCK, SOL_SOCKET, socket } from "./sockets.ts";

/** Where `ip netns` keeps named network namespaces: files with the namespace bound on them. */
const NAMED_NAMESPACES = "/run/netns";
/** f_type of a namespace file: NSFS_MAGIC. */
const NSFS_MAGIC = 0x6e736673;

/** Which network namespace: both numbers are the machine's own, the same seen from everywhere. */
export interface NetworkNamespace {
  /** As in /proc/PID/ns/net. May be given to another namespace after this one is gone. */
  readonly inode: number;
  /** The kernel's cookie (SO_NETNS_COOKIE): never given twice until the next boot. */
  readonly cookie: bigint;
}

/** The network namespace of the calling thread. */
export function currentNetworkNamespace(): NetworkNamespace {
  const fd = openOwnNamespace("net");
  const probe = socket(AF.UNIX, SOCK.DGRAM, 0);
  try {
    const cookie = getSocketOption(probe, SOL_SOCKET, SO.NETNS_COOKIE, new Uint8Array(8));
    return { inode: fstatSync(fd).ino, cookie: new DataView(cookie.buffer).getBigUint64(0, true) };
  } finally {
    close(probe);
    close(fd);
  }
}

/**
 * Creates a named network namespace, as `ip netns add NAME` does. Its loopback is down. Throws EEXIST if the name
 * is taken.
 */
export function createNetworkNamespace(name: string): void {
  const path = namespacePath(name);
  inInitialMountNamespace(() => {
    shareNamedNamespaces();
    try {
      close(open(path, O.RDONLY | O.CREAT | O.EXCL, 0));
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      const advice = `delete it first (ip netns delete ${name}), or choose another name`;
      throw new SystemError("open", errnoNumber("EEXIST"), { attempted: path, advice });
    }
    const own = openOwnNamespace("net");
    warmThreadPool();
    try {
      thereAndBack(
        () => {
          unshare(CLONE.NEWNET, `network namespace ${name}`);
          mount("/proc/thread-self/ns/net", path, "none", MS.BIND);
        },
        () => setns(own, CLONE.NEWNET, "the network namespace we came from"),
      );
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      close(own);
    }
  });
}

/**
 * Makes /run/netns a shared mount, so that mount namespaces made from this one see names that come later. Locked
 * as `ip netns` does, so that two processes do not both do it.
 */
function shareNamedNamespaces(): void {
  makeDirectory(NAMED_NAMESPACES, 0o755);
  const lock = open(NAMED_NAMESPACES, O.RDONLY | O.DIRECTORY);
  try {
    flock(lock, LOCK.EX, NAMED_NAMESPACES);
    try {
      mount("", NAMED_NAMESPACES, "none", MS.SHARED | MS.REC);
    } catch (error) {
      if (!hasCode(error, "EINVAL")) throw error;
      mount(NAMED_NAMESPACES, NAMED_NAMESPACES, "none", MS.BIND | MS.REC);
      mount("", NAMED_NAMESPACES, "none", MS.SHARED | MS.REC);
    }
  } finally {
    close(lock);
  }
}

/**
 * Takes the name of a network namespace away, as `ip netns delete NAME` does. The namespace itself goes when its
 * last process, socket and descriptor are gone. Throws ENOENT for an unknown name.
 */
export function deleteNetworkNamespace(name: string): void {
  const path = namespacePath(name);
  inInitialMountNamespace(() => {
    try {
      umount(path, MNT_DETACH);
    } catch (error) {
      if (!hasCode(error, "EINVAL")) throw error;
    }
    rmSync(path);
  });
}

/** The names of the named network namespaces, sorted. */
export function listNetworkNamespaces(): string[] {
  return inInitialMountNamespace(() => {
    try {
      return readdirSync(NAMED_NAMESPACES)
        .filter((name) => statfsSync(namespacePath(name)).type === NSFS_MAGIC)
        .sort();
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    }
  });
}

/** Opens a named network namespace. The caller closes the descriptor. Throws ENOENT for an unknown name. */
export function openNetworkNamespace(name: string): number {
  return inInitialMountNamespace(() => {
    const path = namespacePath(name);
    try {
      return open(path, O.RDONLY);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      const known = listNetworkNamespaces().join(", ") || "there are none";
      throw new SystemError("open", errnoNumber("ENOENT"), {
        attempted: `network namespace ${name}`,
        advice: `known namespaces: ${known}`,
      });
    }
  });
}

/**
 * Runs `work` with this thread in a network namespace (a name, or a descriptor of one) and returns its result.
 * Sockets that `work` opens belong to that namespace for good. `work` must be synchronous.
 */
export function inNetworkNamespace<T>(target: string | number, work: () => T): T {
  const there = typeof target === "number" ? target : openNetworkNamespace(target);
  const own = openOwnNamespace("net");
  warmThreadPool();
  try {
    return thereAndBack(
      () => {
        setns(there, CLONE.NEWNET, `network namespace ${target}`);
        return work();
      },
      () => setns(own, CLONE.NEWNET, "the network namespace we came from"),
    );
  } finally {
    close(own);
    if (typeof target === "string") close(there);
  }
}

let poolIsWarm = false;

/** A new thread starts in its maker's namespace, so Node's pool must have its threads before we go elsewhere. */
function warmThreadPool(): void {
  if (!poolIsWarm) access("/", () => {});
  poolIsWarm = true;
}

function namespacePath(name: string): string {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.length > 255) {
    throw new RangeError(`"${name}" cannot name a network namespace: it must be a file name without "/"`);
  }
  return `${NAMED_NAMESPACES}/${name}`;
}
