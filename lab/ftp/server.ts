/** A real FTP server, vsftpd, in a network namespace, with a configuration and files of its own under a temporary directory. */
import type { ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnInNamespace } from "../../src/linux/index.ts";
import { LabFailure } from "../console.ts";

/** How long a server may take until it listens, and to end, ms. */
const START_MS = 10_000;
const END_MS = 2000;
const LOOK_EVERY_MS = 20;

/** Where Debian's package puts it. */
const PROGRAM = "/usr/sbin/vsftpd";

export interface FtpServerSettings {
  /** The network namespace that it runs in. */
  readonly namespace: string;
  /** Files that anonymous clients can get, by name. Default: none. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** The ports that it takes passive data connections on. Default: any. */
  readonly passivePorts?: readonly [first: number, last: number];
  /** The IPv4 address that it names in answers to PASV. Default: the one that the client reached it at. */
  readonly passiveAddress?: string;
  /** The port that active data connections come from: 20, or any. Default: 20. */
  readonly dataPort?: 20 | "any";
  /** Default: 21. */
  readonly port?: number;
}

export interface FtpServer {
  /** A directory of files that clients have put ("upload/NAME"). */
  readonly uploads: string;
  /** Ends it and its sessions, and removes all its files. */
  stop(): Promise<void>;
}

function configurationOf(directory: string, settings: FtpServerSettings): string {
  const lines: Record<string, string | number> = {
    background: "NO",
    // Both IP versions.
    listen: "NO",
    listen_ipv6: "YES",
    listen_port: settings.port ?? 21,
    anonymous_enable: "YES",
    local_enable: "NO",
    write_enable: "YES",
    anon_upload_enable: "YES",
    anon_other_write_enable: "YES",
    anon_umask: "022",
    anon_root: join(directory, "files"),
    no_anon_password: "YES",
    secure_chroot_dir: join(directory, "empty"),
    connect_from_port_20: settings.dataPort === "any" ? "NO" : "YES",
    seccomp_sandbox: "NO",
    isolate: "NO",
    isolate_network: "NO",
    xferlog_enable: "NO",
    session_support: "NO",
  };
  if (settings.passiveAddress !== undefined) lines.pasv_address = settings.passiveAddress;
  if (settings.passivePorts !== undefined) {
    lines.pasv_min_port = settings.passivePorts[0];
    lines.pasv_max_port = settings.passivePorts[1];
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** The user and group "ftp", which vsftpd's package makes. Throws LabFailure if there is none. */
function ftpUser(): { readonly user: number; readonly group: number } {
  const line = /^ftp:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (line === null) throw new LabFailure('there is no user "ftp": install vsftpd');
  return { user: Number(line[1]), group: Number(line[2]) };
}

/** Whether somebody listens at a TCP port in the network namespace of a process (proc(5): /proc/net/tcp; state 0A). */
function isListening(pid: number, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  return ["tcp", "tcp6"].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .some((line) => line.includes(local) && / 0A /.test(line)),
  );
}

async function untilListening(server: ChildProcess, port: number, complaint: () => string): Promise<void> {
  const end = Date.now() + START_MS;
  while (server.exitCode === null && server.signalCode === null && Date.now() < end) {
    if (server.pid !== undefined && isListening(server.pid, port)) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new LabFailure(`vsftpd does not listen at port ${port}: ${complaint().trim() || "no message"}`);
}

/**
 * Starts vsftpd for anonymous clients, who may get `files` and put more under "upload/". Resolves when it listens. Throws
 * LabFailure if it does not. Needs root.
 */
export async function startFtpServer(settings: FtpServerSettings): Promise<FtpServer> {
  const { user, group } = ftpUser();
  const directory = mkdtempSync(join(tmpdir(), "lvs-ftp-"));
  const files = join(directory, "files");
  const uploads = join(files, "upload");
  chmodSync(directory, 0o755);
  for (const each of [files, join(directory, "empty"), uploads]) mkdirSync(each, { mode: 0o755 });
  chownSync(uploads, user, group);
  for (const [name, bytes] of Object.entries(settings.files ?? {})) {
    writeFileSync(join(files, name), bytes, { mode: 0o644 });
  }
  const configuration = join(directory, "vsftpd.conf");
  writeFileSync(configuration, configurationOf(directory, settings), { mode: 0o600 });
  // A group of processes of its own, so that its sessions end with it.
  const server = spawnInNamespace(settings.namespace, [PROGRAM, configuration], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let complaint = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on("data", (text) => {
      complaint += String(text);
    });
  }
  const ended = new Promise<void>((resolve) => {
    server.once("exit", () => resolve());
    server.once("error", (error) => {
      complaint += error.message;
      resolve();
    });
  });
  const stop = async () => {
    try {
      if (server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
    await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(server, settings.port ?? 21, () => complaint);
  } catch (error) {
    await stop();
    throw error;
  }
  return { uploads, stop };
}
