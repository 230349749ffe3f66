/** Real programs between the client and a server: curl and iperf3. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { spawnInNamespace } from "../../src/linux/index.ts";
import type { Cluster } from "./cluster.ts";
import { content, digest } from "./content.ts";

export { isInstalled } from "../process.ts";

const urlOf = (address: string, path: string) =>
  `http://${isIPv6(address) ? `[${address}]` : address}${path}`;

async function curl(cluster: Cluster, words: readonly string[], input?: Buffer): Promise<Buffer> {
  const argv = [
    "curl",
    "--silent",
    "--show-error",
    "--max-time",
    "60",
    "--no-progress-meter",
    ...words,
  ] as const;
  const child = spawnInNamespace(cluster.node("client"), argv, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin!.on("error", () => {});
  child.stdin!.end(input);
  const parts: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout!.on("data", (part: Buffer) => parts.push(part));
  child.stderr!.on("data", (part: Buffer) => complaints.push(part));
  const [status] = (await once(child, "close")) as [number];
  if (status !== 0)
    throw new Error(`curl ${words.join(" ")} ended with ${status}: ${Buffer.concat(complaints)}`);
  return Buffer.concat(parts);
}

/** Downloads so many bytes, twice over one connection, and throws unless both came as they were sent. */
export async function curlDownload(cluster: Cluster, address: string, bytes: number): Promise<void> {
  const url = urlOf(address, `/content/${bytes}`);
  const received = await curl(cluster, [url, url]);
  const expected = createHash("sha256").update(content(bytes)).update(content(bytes)).digest("hex");
  if (digest(received) !== expected) throw new Error(`${received.length} bytes came, not as they were sent`);
}

/** Uploads so many bytes, and throws unless the server got them as they were sent. */
export async function curlUpload(cluster: Cluster, address: string, bytes: number): Promise<void> {
  const body = content(bytes);
  const answer = await curl(cluster, ["--data-binary", "@-", "-H", "Expect:", urlOf(address, "/")], body);
  if (answer.toString() !== digest(body)) throw new Error(`the server got something else: ${answer}`);
}

/** What iperf3 found. */
export interface IperfResult {
  readonly bytes: number;
  /** Of UDP: datagrams sent, and lost. */
  readonly datagrams: number;
  readonly lost: number;
}

/** Runs iperf3 between the client and a server (its namespace given) that it finds at `address`. */
export async function iperf(
  cluster: Cluster,
  options: {
    readonly server: string;
    /** The address that the server has: its own, or the virtual one. */
    readonly listen: string;
    readonly address: string;
    readonly udp: boolean;
    readonly seconds: number;
  },
): Promise<IperfResult> {
  const { listen, address, udp, seconds } = options;
  const server = spawnInNamespace(options.server, ["iperf3", "-s", "-1", "-B", listen, "--forceflush"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(server.stdout!, "data");
    const kind = udp ? ["-u", "-b", "20M", "-l", "1200"] : [];
    const words = ["-c", address, "-t", String(seconds), "-J", "--connect-timeout", "3000", ...kind];
    const child = spawnInNamespace(cluster.node("client"), ["iperf3", ...words], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 1000 * (seconds + 15),
    });
    let text = "";
    child.stdout!.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    await once(child, "close");
    const { error, end } = JSON.parse(text) as {
      error?: string;
      end: {
        sum_received?: { bytes: number };
        sum?: { bytes: number; packets?: number; lost_packets?: number };
      };
    };
    if (error !== undefined) throw new Error(`iperf3: ${error}`);
    const { packets = 0, lost_packets: lost = 0 } = end.sum ?? {};
    return { bytes: (end.sum_received ?? end.sum)?.bytes ?? 0, datagrams: packets, lost };
  } finally {
    server.kill("SIGKILL");
  }
}
