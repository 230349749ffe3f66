import { useCompileCache } from "../compile-cache.ts";

useCompileCache();
const [{ main }, { runIpvsadmSave }] = await Promise.all([
  import("../ipvsadm/main.ts"),
  import("../ipvsadm/save-script.ts"),
]);
await main("ipvsadm-save", runIpvsadmSave);
