/**
 * The client of the labs, one connection a request.
 * - `node web-client.js get URL COUNT FIRST-PORT [SOURCE]`: prints the body of each answer, a line each. The requests come from COUNT ports, the
 *   first of which is given, and, if it is given, of the own address SOURCE.
 * - `node web-client.js connect URL COUNT`: connects so often, one after the other; prints how long each took, µs.
 * - `node web-client.js download URL`: prints the number of bytes received every 100 ms, then "done BYTES SERVER".
 * - `node web-client.js steady URL CONNECTIONS`: asks over and over on connections that must never break, until
 *   SIGTERM; then prints "done REQUESTS CONNECTIONS-OPENED".
 */
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const REQUEST_TIMEOUT_MS = 10_000;

const [mode, url = "", count = "1", firstPort = "0", source] = process.argv.slice(2);
if (mode === "download") await download(url);
else if (mode === "steady") await steady(url, Number(count));
else if (mode === "connect") await handshakes(url, Number(count));
else await requests(url, Number(count), Number(firstPort));

/**
 * A port of its own for each request. The kernel may give a port a second time within seconds, and a director goes on in the old
 * connection then if it is persistent or has seen the client's FIN only (as ip_vs): two requests would be one connection.
 */
async function requests(address: string, total: number, first: number): Promise<void> {
  for (let i = 0; i < total; i++) console.log((await fetchText(address, false, first + i)).trim());
}

async function handshakes(address: string, total: number): Promise<void> {
  const { hostname, port } = new URL(address);
  for (let i = 0; i < total; i++) {
    const start = performance.now();
    const socket = connect({ host: hostname, port: Number(port || 80), noDelay: true });
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy(new Error(`${address}: no answer`)));
    await once(socket, "connect");
    console.log(String(Math.round(1000 * (performance.now() - start))));
    // Without waiting for the server's goodbye: the port is free again at once.
    socket.resetAndDestroy();
  }
}

/** `localPort` 0: the kernel's choice. */
function fetchText(address: string, agent: Agent | false, localPort = 0): Promise<string> {
  const own = { localPort, ...(source === undefined ? {} : { localAddress: source }) };
  return new Promise((resolve, reject) => {
    const request = get(address, { agent, timeout: REQUEST_TIMEOUT_MS, ...own }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () =>
      request.destroy(new Error(`${address}: no answer in ${REQUEST_TIMEOUT_MS} ms`)),
    );
    request.on("error", reject);
  });
}

async function steady(address: string, connections: number): Promise<void> {
  let running = true;
  let answers = 0;
  const opened = new Set<unknown>();
  process.once("SIGTERM", () => {
    running = false;
  });
  const worker = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agent.on("free", (socket: unknown) => opened.add(socket));
    while (running) {
      await fetchText(address, agent);
      answers++;
      await sleep(5);
    }
    agent.destroy();
  };
  console.log("ready");
  await Promise.all(Array.from({ length: connections }, worker));
  console.log(`done ${answers} ${opened.size}`);
}

function download(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(address, { agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let received = 0;
      const report = setInterval(() => console.log(String(received)), 100);
      response.on("data", (data: Buffer) => {
        received += data.length;
      });
      response.on("close", () => {
        clearInterval(report);
        if (!response.complete) reject(new Error(`${address}: the connection broke after ${received} bytes`));
        else console.log(`done ${received} ${response.headers["x-server"]}`);
        resolve();
      });
    });
    request.on("timeout", () =>
      request.destroy(new Error(`${address}: nothing for ${REQUEST_TIMEOUT_MS} ms`)),
    );
    request.on("error", reject);
  });
}
