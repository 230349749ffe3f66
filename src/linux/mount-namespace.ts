import { readFileSync, readlinkSync, statSync } from "node:fs";
import { chroot, fchdir, O, open } from "./files.ts";
import { CLONE, closeAll, openOwnNamespace, setns, thereAndBack, unshare } from "./namespace-calls.ts";

/** Whether this thread has its own working directory already (setns to a mount namespace asks for it). */
let separateDirectory = false;

/**
 * Runs `work` in the machine's (or container's) initial mount namespace and at its root directory, and returns
 * its result. Mounts made there outlive this process; in the mount namespace that `ip netns exec` gives a
 * command, they would die with it.
 *
 * `work` must be synchronous. Where the process is already there, this is just a call.
 *
 * A side effect, once, if it is not: this thread's working directory is no longer shared with Node's other
 * threads, so a later process.chdir() is not seen by asynchronous file operations with relative paths.
 */
export function inInitialMountNamespace<T>(work: () => T): T {
  const home = findHome();
  if (home === undefined || isHere(home)) return thereAndBack(work, () => {});
  const own = openOwnNamespace("mnt");
  const ownRoot = open("/", O.PATH | O.DIRECTORY);
  const ownDirectory = open(".", O.PATH | O.DIRECTORY);
  const there = open(`/proc/${home.pid}/ns/mnt`, O.RDONLY);
  const thereRoot = home.rooted ? open(`/proc/${home.pid}/root`, O.PATH | O.DIRECTORY) : undefined;
  const enter = (namespace: number, root: number | undefined) => {
    setns(namespace, CLONE.NEWNS, "a mount namespace");
    if (root === undefined) return;
    fchdir(root);
    chroot(".");
  };
  try {
    if (!separateDirectory) unshare(CLONE.FS, "the working directory");
    separateDirectory = true;
    return thereAndBack(
      () => {
        enter(there, thereRoot);
        return work();
      },
      () => {
        enter(own, ownRoot);
        fchdir(ownDirectory);
      },
    );
  } finally {
    closeAll(own, ownRoot, ownDirectory, there, ...(thereRoot === undefined ? [] : [thereRoot]));
  }
}

/** A process that lives in the initial mount namespace. */
interface Home {
  readonly pid: number;
  /** Whether its root directory is to be taken, too (a kernel thread's may lie below the mounted root). */
  readonly rooted: boolean;
  /** Its mount namespace, as readlink gives it: "mnt:[4026531832]". */
  readonly namespace: string;
}

/**
 * The first process whose mount namespace we may look at of: pid 1; the kernel's thread daemon (where pid 1 is
 * protected from us); our outermost ancestors, outermost first.
 */
function findHome(): Home | undefined {
  const init = homeAt(1, true);
  if (init !== undefined) return init;
  const threadDaemon = isKernelThreadDaemon(2) ? homeAt(2, false) : undefined;
  if (threadDaemon !== undefined) return threadDaemon;
  for (const pid of ancestors().reverse()) {
    const home = homeAt(pid, true);
    if (home !== undefined) return home;
  }
  return undefined;
}

function homeAt(pid: number, rooted: boolean): Home | undefined {
  try {
    return { pid, rooted, namespace: readlinkSync(`/proc/${pid}/ns/mnt`) };
  } catch {
    return undefined;
  }
}

function isHere(home: Home): boolean {
  if (readlinkSync("/proc/thread-self/ns/mnt") !== home.namespace) return false;
  if (!home.rooted) return true;
  const mine = statSync("/");
  const its = statSync(`/proc/${home.pid}/root/`);
  return mine.dev === its.dev && mine.ino === its.ino;
}

function isKernelThreadDaemon(pid: number): boolean {
  const status = processStatus(pid);
  return status !== undefined && status.name === "kthreadd" && status.parent === 0;
}

/** Our parent, its parent and so on, without pid 1. */
function ancestors(): number[] {
  const found: number[] = [];
  for (let pid = process.ppid; pid > 1 && found.length < 100; ) {
    found.push(pid);
    pid = processStatus(pid)?.parent ?? 0;
  }
  return found;
}

/** From /proc/PID/stat: "pid (name) state parent …"; a name may hold spaces and parentheses. */
function processStatus(pid: number): { name: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const parent = Number(stat.slice(end + 2).split(" ")[1]);
    return { name: stat.slice(stat.indexOf("(") + 1, end), parent };
  } catch {
    return undefined;
  }
}
