import { useCompileCache } from "../compile-cache.ts";

useCompileCache();
const [{ main }, { runIpvsadmRestore }] = await Promise.all([
  import("../ipvsadm/main.ts"),
  import("../ipvsadm/restore-script.ts"),
]);
await main("ipvsadm-restore", runIpvsadmRestore);
