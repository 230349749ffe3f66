import { main } from "../ipvsadm/main.ts";
import { runIpvsadmRestore } from "../ipvsadm/restore-script.ts";

await main("ipvsadm-restore", runIpvsadmRestore);
