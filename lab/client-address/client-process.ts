/**
 * A client: `node client-process.js ADDRESS PORT`. Opens connections and sends datagrams of many sizes to a virtual service
 * whose servers are server-process.js, and ends with an error unless each was told this end's address and got what was sent.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, isIPv6 } from "node:net";

const SIZES = [0, 1, 1000, 1448, 5000, 70_000, 4_000_000];
const DATAGRAMS = [0, 1, 700, 1400];
const LIMIT_MS = 10_000;

const [address = "", port = ""] = process.argv.slice(2);
const version = isIPv6(address) ? "6" : "4";

/** An address as the server writes it. */
function inFull(text: string): string {
  if (!isIPv6(text)) return text;
  const [left = "", right] = text.split("::");
  const head = left.split(":");
  const tail = right === undefined ? [] : right.split(":");
  const middle = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...middle, ...tail].map((each) => each.padStart(4, "0")).join(":");
}

function expected(protocol: string, local: { readonly address: string; readonly port: number }): string {
  return `${protocol}${version} ${inFull(local.address)} ${local.port} ${inFull(address)} ${port}`;
}

async function stream(size: number, serverFirst: boolean): Promise<void> {
  const socket = connect({ host: address, port: Number(port), allowHalfOpen: true });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`${size} bytes: nothing comes`)));
  await once(socket, "connect");
  const local = { address: socket.localAddress!, port: socket.localPort! };
  let answer = "";
  socket.on("data", (part) => {
    answer += String(part);
  });
  const ended = once(socket, "end");
  if (serverFirst) await once(socket, "data");
  const data = randomBytes(size);
  socket.end(data);
  await ended;
  const digest = createHash("sha256").update(data).digest("hex");
  assert.equal(answer, `${expected("TCP", local)}\n${digest}\n`);
}

async function datagram(size: number): Promise<void> {
  const socket = createSocket(version === "6" ? "udp6" : "udp4");
  socket.connect(Number(port), address);
  await once(socket, "connect");
  const timer = setTimeout(() => socket.emit("error", new Error(`${size} bytes: no answer`)), LIMIT_MS);
  for (let i = 0; i < 2; i++) {
    socket.send(Buffer.alloc(size));
    const [answer] = (await once(socket, "message")) as [Buffer];
    assert.equal(String(answer), `${expected("UDP", socket.address())} ${size}`);
  }
  clearTimeout(timer);
  socket.close();
}

for (const size of SIZES) {
  await stream(size, false);
  await stream(size, true);
}
for (const size of DATAGRAMS) await datagram(size);
await Promise.all(Array.from({ length: 30 }, (_, i) => stream(i * 777, i % 2 === 0)));
console.log("done");
