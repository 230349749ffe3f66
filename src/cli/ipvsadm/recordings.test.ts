import { MemoryAdministration } from "../testing/memory-administration.ts";
import { testRecordedCases } from "../testing/recorded-suite.ts";

testRecordedCases({
  title: "on a configuration in memory",
  except: [],
  createAdministration: () =>
    new MemoryAdministration({
      interfaces: ["eth0", "eth1"],
      broadcasts: ["198.51.100.255", "203.0.113.255"],
    }),
});
