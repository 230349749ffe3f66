import { main } from "../ipvsadm/main.ts";
import { runIpvsadm } from "../ipvsadm/run.ts";

await main("ipvsadm", runIpvsadm);
