/**
 * The end of tunnels at a real server without tunnel devices: `node tunnel-end.js DEVICE VIP [GUE-PORT]`. Takes what is for
 * the VIP out of tunnels, until it is ended. Prints "ready".
 */
import { attachDecapsulation } from "../src/ipvs/realserver/decapsulation.ts";

const [device = "eth0", address = "", port] = process.argv.slice(2);
await attachDecapsulation(device, [address], port === undefined ? {} : { guePort: Number(port) });
console.log("ready");
setInterval(() => {}, 60_000);
