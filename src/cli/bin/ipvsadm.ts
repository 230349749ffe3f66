import { useCompileCache } from "../compile-cache.ts";

useCompileCache();
const [{ main }, { runIpvsadm }] = await Promise.all([
  import("../ipvsadm/main.ts"),
  import("../ipvsadm/run.ts"),
]);
await main("ipvsadm", runIpvsadm);
