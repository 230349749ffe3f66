import { statfsSync, statSync } from "node:fs";
import { errnoNumber, hasCode, SystemError } from "./errno.ts";
import { close, flock, LOCK, MS, mount, O, open } from "./files.ts";
import { makeDirectory } from "./make-directory.ts";
import { inInitialMountNamespace } from "./mount-namespace.ts";

/** f_type of a BPF file system: BPF_FS_MAGIC. */
const BPF_FS_MAGIC = 0xcafe4a11;

/** A state directory with its BPF file system, open. Its paths work in every mount namespace. */
export interface StateDirectory {
  /** Descriptor (O_PATH) of the root of the BPF file system. */
  readonly fd: number;
  /** "/proc/self/fd/N" of the BPF file system: pin objects as `${path}/name`. */
  readonly path: string;
  /** "/proc/self/fd/M" of the state directory itself, for ordinary files such as locks. */
  readonly filesPath: string;
  /** Where the state directory is in the initial mount namespace, for messages. */
  readonly name: string;
  close(): void;
}

/** How {@link openStateDirectory} opens. */
export interface StateDirectoryOptions {
  /** Whether to make what is missing. With false, undefined is returned instead. Default: true. */
  readonly create?: boolean;
}

/**
 * Opens the state directory `path` (absolute) of the initial mount namespace and the BPF file system mounted at
 * `path`/bpf, making both if they are missing, readable for their owner only. Pins there outlive every process,
 * even when it was started by `ip netns exec`.
 *
 * Throws {@link SystemError}; EPERM if the directory belongs to another user or others may write to it.
 */
export function openStateDirectory(path: string): StateDirectory;
export function openStateDirectory(path: string, options: StateDirectoryOptions): StateDirectory | undefined;
export function openStateDirectory(
  path: string,
  options: StateDirectoryOptions = {},
): StateDirectory | undefined {
  if (!path.startsWith("/"))
    throw new RangeError(`the state directory must be an absolute path, not "${path}"`);
  const create = options.create ?? true;
  return inInitialMountNamespace(() => {
    const files = openDirectory(path, create);
    if (files === undefined) return undefined;
    try {
      const fd = openBpfFileSystem(path, files, create);
      if (fd === undefined) {
        close(files);
        return undefined;
      }
      return stateDirectory(path, files, fd);
    } catch (error) {
      close(files);
      throw error;
    }
  });
}

function stateDirectory(name: string, files: number, fd: number): StateDirectory {
  return {
    fd,
    path: `/proc/self/fd/${fd}`,
    filesPath: `/proc/self/fd/${files}`,
    name,
    close() {
      close(fd);
      close(files);
    },
  };
}

function openDirectory(path: string, create: boolean): number | undefined {
  try {
    if (create) makeDirectory(path, 0o700);
    const { uid, mode } = statSync(path);
    if (uid === 0 && process.getuid?.() !== 0) {
      throw new SystemError("open", errnoNumber("EACCES"), { attempted: path, advice: "run this as root" });
    }
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
      const advice = `remove it, or make it yours alone: chown root ${path}; chmod 700 ${path}`;
      throw new SystemError("open", errnoNumber("EPERM"), {
        attempted: path,
        kernelMessage: "other users may write to this state directory",
        advice,
      });
    }
    return open(path, O.RDONLY | O.DIRECTORY);
  } catch (error) {
    if (!create && hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Under the directory's lock, so that two processes do not mount one file system over the other. */
function openBpfFileSystem(path: string, files: number, create: boolean): number | undefined {
  const target = `${path}/bpf`;
  if (!isBpfFileSystem(target)) {
    if (!create) return undefined;
    flock(files, LOCK.EX, path);
    try {
      makeDirectory(target, 0o700);
      if (!isBpfFileSystem(target)) {
        mount("bpf", target, "bpf", MS.NOSUID | MS.NODEV | MS.NOEXEC, "mode=0700");
      }
    } finally {
      flock(files, LOCK.UN);
    }
  }
  return open(target, O.PATH | O.DIRECTORY);
}

function isBpfFileSystem(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
