/**
 * A real server that is told the client's address in PROXY headers, on port 8080: `node server-process.js`. On a connection it says
 * what it was told before the client says anything, and in the end the SHA-256 of what came. A datagram is answered with
 * what it was told and the datagram's length.
 */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { parseProxyHeader } from "./proxy-header.ts";

const PORT = 8080;

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash("sha256");
  let before: Buffer | undefined = Buffer.alloc(0);
  socket.on("data", (part: Buffer) => {
    if (before === undefined) {
      hash.update(part);
      return;
    }
    before = Buffer.concat([before, part]);
    try {
      const header = parseProxyHeader(before);
      if (header === undefined) return;
      socket.write(`${header.text}\n`);
      hash.update(before.subarray(header.length));
      before = undefined;
    } catch (error) {
      socket.end(`${String(error)}\n`);
    }
  });
  socket.on("end", () => socket.end(`${hash.digest("hex")}\n`));
  socket.on("error", () => {});
});

for (const type of ["udp4", "udp6"] as const) {
  const socket = createSocket({ type, ipv6Only: type === "udp6" });
  socket.on("message", (message, { address, port }) => {
    try {
      const header = parseProxyHeader(message);
      if (header !== undefined)
        socket.send(`${header.text} ${message.length - header.length}`, port, address);
    } catch (error) {
      socket.send(String(error), port, address);
    }
  });
  socket.bind(PORT);
}
server.listen(PORT, () => console.log("ready"));
