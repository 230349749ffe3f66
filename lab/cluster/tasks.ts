/** What a client does. All give up by themselves and say why. */
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ip } from "../../src/net/index.ts";
import { content, digest } from "./content.ts";
import { openSctp } from "./sctp-socket.ts";

const PATIENCE_MS = 8000;
const DATAGRAM_PATIENCE_MS = 2000;

const urlOf = (address: string, path: string) =>
  isIPv6(address) ? `http://[${address}]${path}` : `http://${address}${path}`;

async function fetchBody(agent: Agent, url: string, body?: Buffer): Promise<Buffer> {
  const options = { agent, timeout: PATIENCE_MS, method: body === undefined ? "GET" : "POST" };
  const sent = request(url, options);
  sent.on("timeout", () => sent.destroy(new Error(`${url}: nothing for ${PATIENCE_MS} ms`)));
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Who answers `count` requests, each over a connection of its own. */
export async function names(address: string, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    const agent = new Agent({ keepAlive: false });
    answers.push((await fetchBody(agent, urlOf(address, "/"))).toString());
    agent.destroy();
  }
  return answers;
}

/** Who answers `count` requests over one connection, each with that many bytes; throws if a byte is wrong. */
export async function keepAlive(address: string, count: number, bytes: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const expected = digest(content(bytes));
  for (let i = 0; i < count; i++) {
    const body = await fetchBody(agent, urlOf(address, `/content/${bytes}`));
    if (digest(body) !== expected)
      throw new Error(`answer ${i}: ${body.length} bytes, not as they were sent`);
  }
  agent.destroy();
}

/** Sends so many bytes, and throws unless they came as they were sent. */
export async function upload(address: string, bytes: number): Promise<void> {
  const body = content(bytes);
  const agent = new Agent({ keepAlive: false });
  const answer = (await fetchBody(agent, urlOf(address, "/"), body)).toString();
  agent.destroy();
  if (answer !== digest(body)) throw new Error(`the server got something else: ${answer}`);
}

function datagramSocket(address: string): Socket {
  return createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
}

async function answer(socket: Socket): Promise<Buffer> {
  const timeout = AbortSignal.timeout(DATAGRAM_PATIENCE_MS);
  const [message] = (await once(socket, "message", { signal: timeout })) as [Buffer];
  return message;
}

/** Sends `count` datagrams of `size` bytes to the echo service, one after the other; throws if one is not echoed. */
export async function echo(address: string, size: number, count: number): Promise<void> {
  const socket = datagramSocket(address);
  socket.connect(7, address);
  await once(socket, "connect");
  const payload = content(size);
  try {
    for (let i = 0; i < count; i++) {
      payload[0] = i;
      socket.send(payload);
      const back = await answer(socket).catch((error: Error & { code?: string }) => {
        // Told how large packets may be: sent again, it goes in fragments.
        if (error.code !== "EMSGSIZE") throw error;
        socket.send(payload);
        return answer(socket);
      });
      if (!back.equals(payload)) throw new Error(`datagram ${i}: ${back.length} of ${size} bytes came back`);
    }
  } finally {
    socket.close();
  }
}

/** Sends a datagram to a port where nobody listens, and gives what comes of it: "ECONNREFUSED", or "silence". */
export async function knock(address: string, port: number): Promise<string> {
  const socket = datagramSocket(address);
  socket.connect(port, address);
  await once(socket, "connect");
  try {
    socket.send("anybody?");
    await answer(socket);
    return "an answer";
  } catch (error) {
    return (error as { code?: string }).code === "ABORT_ERR"
      ? "silence"
      : String((error as { code?: string }).code);
  } finally {
    socket.close();
  }
}

/** Asks a name server `count` times; gives the address it tells and who answered, for each. */
export async function resolve(address: string, count: number): Promise<string[]> {
  const resolver = new Resolver({ timeout: DATAGRAM_PATIENCE_MS, tries: 1 });
  resolver.setServers([isIPv6(address) ? `[${address}]:53` : `${address}:53`]);
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    const [found] = await resolver.resolve4("name.test");
    const [[who] = []] = await resolver.resolveTxt("name.test");
    answers.push(`${found} ${who}`);
  }
  return answers;
}

/** Sends `count` messages of `size` bytes over one SCTP association, and throws unless they come back. */
export async function sctpEcho(from: string, address: string, size: number, count: number): Promise<void> {
  const socket = openSctp(from, 0);
  const peer = { address: ip(address), port: 7 };
  try {
    for (let i = 0; i < count; i++) {
      const payload = content(size);
      payload[0] = i;
      socket.send({ payload, peer });
      const deadline = Date.now() + DATAGRAM_PATIENCE_MS;
      let back = socket.receive();
      for (; back === undefined && Date.now() < deadline; back = socket.receive()) await sleep(2);
      if (back === undefined) throw new Error(`message ${i} did not come back in ${DATAGRAM_PATIENCE_MS} ms`);
      if (!back.payload.equals(payload)) throw new Error(`message ${i} came back as something else`);
    }
  } finally {
    socket.close();
  }
}
