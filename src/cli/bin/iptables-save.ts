import { start } from "../start.ts";

await start("iptables-save");
