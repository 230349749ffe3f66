/**
 * A real server of the cluster: `node server-process.js NAME ADDRESS…`. Prints "ready" when all of it listens:
 * - HTTP on port 80 of every address of the machine. GET / answers with its name; GET /content/BYTES with that many bytes of
 *   {@link content}; a POST with the digest of what it got.
 * - on UDP ports of each ADDRESS: 7 sends back what it gets, 53 is a name server that knows one name: "name.test" is
 *   192.0.2.53, and its text record the server's name.
 * - on SCTP's port 7 of each ADDRESS: sends back what it gets.
 */

import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import { content } from "./content.ts";
import { answerTo } from "./name-server.ts";
import { openSctp } from "./sctp-socket.ts";

const SCTP_POLL_MS = 5;

const [name = "server", ...addresses] = process.argv.slice(2);

const web = createServer(async (request, response) => {
  response.setHeader("x-server", name);
  const wanted = /^\/content\/(\d+)$/.exec(request.url ?? "");
  if (request.method === "POST" || request.method === "PUT") {
    const hash = createHash("sha256");
    try {
      for await (const part of request) hash.update(part as Buffer);
    } catch {
      // The client gave up.
      return;
    }
    response.end(hash.digest("hex"));
  } else if (wanted === null) response.end(name);
  else response.end(content(Number(wanted[1])));
});
web.on("connection", (socket) => socket.on("error", () => {}));
web.listen(80, "::");
await once(web, "listening");

for (const address of addresses) {
  const ipv6 = address.includes(":");
  const options = { type: ipv6 ? "udp6" : "udp4", ipv6Only: ipv6 } as const;
  const echo = createSocket({ ...options, recvBufferSize: 1 << 20 });
  echo.on("message", (message, from) => echo.send(message, from.port, from.address));
  const names = createSocket(options);
  names.on("message", (message, from) => names.send(answerTo(message, name), from.port, from.address));
  for (const socket of [echo, names]) socket.on("error", () => {});
  echo.bind(7, address);
  names.bind(53, address);
  await Promise.all([once(echo, "listening"), once(names, "listening")]);
}
const associations = addresses.map((address) => openSctp(address, 7));
setInterval(() => {
  for (const socket of associations) {
    for (let got = socket.receive(); got !== undefined; got = socket.receive()) socket.send(got);
  }
}, SCTP_POLL_MS);
console.log("ready");
