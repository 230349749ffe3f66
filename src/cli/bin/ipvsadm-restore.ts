import { start } from "../start.ts";

await start("ipvsadm-restore");
