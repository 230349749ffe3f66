import { main } from "../ipvsadm/main.ts";
import { runIpvsadmSave } from "../ipvsadm/save-script.ts";

await main("ipvsadm-save", runIpvsadmSave);
