/**
 * A real server of the labs: `node web-server.js NAME ADDRESS PORT`. GET / answers with its name; GET /peer with its name
 * and the address it sees as its peer; GET /big/BYTES sends that many bytes, slowly enough to be interrupted (about
 * 4 MB/s). Prints "ready" once it listens.
 */
import { createServer } from "node:http";

const CHUNK = Buffer.alloc(64 * 1024, "lvs ");
const CHUNK_INTERVAL_MS = 16;

const [name = "server", address = "0.0.0.0", port = "80"] = process.argv.slice(2);

const server = createServer((request, response) => {
  const big = /^\/big\/(\d+)$/.exec(request.url ?? "");
  if (big === null) {
    response.setHeader("content-type", "text/plain");
    const peer = request.url === "/peer" ? ` ${request.socket.remoteAddress}` : "";
    response.end(`${name}${peer}\n`);
    return;
  }
  let left = Number(big[1]);
  response.setHeader("content-length", left);
  response.setHeader("x-server", name);
  const pace = setInterval(() => {
    const size = Math.min(left, CHUNK.length);
    response.write(CHUNK.subarray(0, size));
    left -= size;
    if (left === 0) {
      clearInterval(pace);
      response.end();
    }
  }, CHUNK_INTERVAL_MS);
  response.on("close", () => clearInterval(pace));
});
server.listen(Number(port), address, () => console.log("ready"));
