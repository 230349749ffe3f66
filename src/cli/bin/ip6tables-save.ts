import { start } from "../start.ts";

await start("ip6tables-save");
