/**
 * A process that starts or stops virtual addresses and is killed on its way: `killed-change start|stop STEPS VIP…`. It dies
 * before the step with that number, from 0; that after the last is what follows all steps. With fewer steps it ends by itself.
 */
import { setUpRealServer, takeDownRealServer } from "../../src/ipvs/realserver/real-server.ts";

const [action, steps, ...vips] = process.argv.slice(2);
let left = Number(steps);
const beforeStep = (): void => {
  if (left-- === 0) process.kill(process.pid, "SIGKILL");
};
if (action === "start") setUpRealServer({ vips, mode: "tun" }, { beforeStep });
else takeDownRealServer(vips, { beforeStep });
