import { createMachine } from "../../bpf/index.ts";
import { simulatedAdministration } from "../../ipvs/index.ts";
import { TABLE_EXCEPTIONS } from "../testing/exceptions.ts";
import { testRecordedCases } from "../testing/recorded-suite.ts";

/** Tables that are quick to make: no case needs more. */
const entries = {
  ...{ services: 256, service_table: 256, pools: 512, service_retired: 256, members: 4096 },
  ...{ destinations: 512, counters: 512, estimates: 512, dest_baseline: 512, servers: 512 },
  ...{ connections: 8, due: 8, buckets: 65536, local_addresses: 64 },
};

testRecordedCases({
  title: "on the director's own tables",
  except: TABLE_EXCEPTIONS,
  createAdministration: () =>
    simulatedAdministration(createMachine({ entries }), {
      broadcasts: ["198.51.100.255", "203.0.113.255"],
    }),
});
