/**
 * An FTP server as a process of a lab: `node server-process.js NAME NAMESPACE PORT FIRST-LAST PASSIVE-ADDRESS`. It has a file "who"
 * with its name. Prints "ready" when it listens.
 */
import { startFtpServer } from "./server.ts";

const [name = "", namespace = "", port = "21", range = "", passiveAddress = ""] = process.argv.slice(2);
const [first = 0, last = 0] = range.split("-").map(Number);
await startFtpServer({
  namespace,
  files: { who: Buffer.from(`${name}\n`) },
  port: Number(port),
  passivePorts: [first, last],
  passiveAddress,
});
console.log("ready");
