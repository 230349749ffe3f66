/** Real FTP clients in a network namespace: curl, lftp and ftp (tnftp), each told how to make its data connections. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture } from "../process.ts";

export type FtpClientName = "curl" | "lftp" | "ftp";

/** Seconds until a client gives up. */
const PATIENCE = 20;

export interface FtpClientSettings {
  /** The network namespace that it runs in. */
  readonly namespace: string;
  readonly client: FtpClientName;
  /** An IPv4 or IPv6 address, without brackets. */
  readonly host: string;
  /** Who opens the data connection: the client, or the server. */
  readonly mode: "passive" | "active";
  /** EPSV and EPRT (RFC 2428), the only ones over IPv6; else PASV and PORT. lftp and ftp know no EPRT over IPv4. */
  readonly extended: boolean;
}

type Argv = readonly [string, ...string[]];

/** What is to be done: with which file on the server, and which here. */
type Job =
  | { readonly kind: "list" }
  | { readonly kind: "get" | "put"; readonly remote: string; readonly local: string };

function urlOf(host: string, path = ""): string {
  return `ftp://${host.includes(":") ? `[${host}]` : host}/${path}`;
}

function curl({ host, mode, extended }: FtpClientSettings, job: Job): Argv {
  // That it believes the address which a server names is what is to be seen.
  const passive = extended ? [] : ["--disable-epsv", "--no-ftp-skip-pasv-ip"];
  const active = ["--ftp-port", "-", ...(extended ? [] : ["--disable-eprt"])];
  const files =
    job.kind === "list"
      ? ["--list-only"]
      : job.kind === "get"
        ? ["--output", job.local]
        : ["--upload-file", job.local];
  return [
    ...(["curl", "--silent", "--show-error", "--globoff"] as const),
    ...["--max-time", String(PATIENCE), ...(mode === "active" ? active : passive)],
    ...[...files, urlOf(host, job.kind === "list" ? "" : job.remote)],
  ];
}

function lftp({ host, mode, extended }: FtpClientSettings, job: Job): Argv {
  const yes = (value: boolean) => (value ? "yes" : "no");
  const commands = [
    "set cmd:fail-exit yes",
    "set net:max-retries 1",
    `set net:timeout ${PATIENCE}`,
    "set ftp:ssl-allow no",
    "set ftp:fix-pasv-address no",
    `set ftp:passive-mode ${yes(mode === "passive")}`,
    `set ftp:prefer-epsv ${yes(extended)}`,
    `open ${urlOf(host)}`,
    job.kind === "list"
      ? "nlist"
      : job.kind === "get"
        ? `get ${job.remote} -o ${job.local}`
        : `put ${job.local} -o ${job.remote}`,
  ];
  return ["lftp", "--norc", "-c", commands.join("; ")];
}

/** With commands on its standard input. */
function tnftp({ host, mode, extended }: FtpClientSettings, job: Job): Argv {
  const commands = [
    ...(extended ? [] : ["epsv4 off"]),
    `open ${host}`,
    "user anonymous lab@example.org",
    "binary",
    job.kind === "list"
      ? "nlist"
      : job.kind === "get"
        ? `get ${job.remote} ${job.local}`
        : `put ${job.local} ${job.remote}`,
    "bye",
  ];
  // It ends with 0 whatever happened: what it did tells.
  const script = `printf '%s\\n' "$@" | timeout ${PATIENCE} ftp ${mode === "active" ? "-A" : "-p"} -n -v -i`;
  return ["sh", "-c", script, "sh", ...commands];
}

const CLIENTS: Readonly<Record<FtpClientName, (settings: FtpClientSettings, job: Job) => Argv>> = {
  curl,
  lftp,
  ftp: tnftp,
};

async function withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "lvs-ftp-client-"));
  try {
    return await work(join(directory, "file"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The names in the server's directory, with whatever else the client prints. Throws LabFailure if the client fails. */
export function ftpList(settings: FtpClientSettings): Promise<string> {
  return capture(settings.namespace, CLIENTS[settings.client](settings, { kind: "list" }));
}

/** Gets a file. Throws LabFailure, with what the client said, if it fails; of ftp, an error that the file is not there. */
export function ftpGet(settings: FtpClientSettings, remote: string): Promise<Uint8Array> {
  return withFile(async (local) => {
    await capture(settings.namespace, CLIENTS[settings.client](settings, { kind: "get", remote, local }));
    return readFileSync(local);
  });
}

/** Puts a file ("upload/NAME"); the same. */
export function ftpPut(settings: FtpClientSettings, remote: string, bytes: Uint8Array): Promise<string> {
  return withFile((local) => {
    writeFileSync(local, bytes);
    return capture(settings.namespace, CLIENTS[settings.client](settings, { kind: "put", remote, local }));
  });
}
