import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceKey } from "../../model.ts";
import { emptyRuleSet, NO_COUNTERS, PREROUTING, type RuleSet } from "../../rules/model.ts";
import { ownChains } from "../firewall/own-rules.ts";
import { directorFacts, hostFacts, linkFacts, serviceWith } from "../testing/hosts.ts";
import { remakeCommand } from "./larger-table.ts";

const begin = "export LVS_CONNECTIONS=4000 && ipvsadm -S -n > services";

test("services alone", () => {
  const rules = [emptyRuleSet(4), emptyRuleSet(6)].flatMap(ownChains);
  assert.equal(
    remakeCommand(directorFacts({ ownRules: { chains: rules } }), hostFacts(), 4000),
    `${begin} && lvs unload && ipvsadm -R < services`,
  );
});

test("all that there may be", () => {
  const dropping: RuleSet = {
    family: 6,
    chains: [{ name: PREROUTING, policy: "drop", counters: NO_COUNTERS, rules: [] }],
  };
  const mark: ServiceKey = { kind: "mark", family: 6, mark: 300 };
  const plain = serviceWith({ upperThreshold: 100, lowerThreshold: 50 });
  const marked = serviceWith({ family: 6, address: "fd00::1", lowerThreshold: 7 });
  const director = directorFacts({
    services: [plain, { ...marked, service: { ...marked.service, key: mark } }],
    ownRules: { chains: ownChains(dropping) },
    changedSettings: {
      sysctls: [
        { name: "conn_reuse_mode", value: "0" },
        { name: "sync_threshold", value: "5\t60" },
      ],
      timeouts: { tcp: 600, tcpFin: 60, udp: 30 },
    },
  });
  const host = hostFacts({ links: [linkFacts("lo"), linkFacts("admin", { datapath: "forbidden" })] });
  assert.deepEqual(remakeCommand(director, host, 4000).split(" && "), [
    ...begin.split(" && "),
    String.raw`sed -i -e '/^-a -t 192\.0\.2\.1:80 -r 10\.0\.0\.1:80 /s/$/ -x 100 -y 50/' -e '/^-a -f 300 -6 -r \[fd00::1\]:80 /s/$/ -y 7/' services`,
    "ip6tables-save -t mangle > rules6",
    "lvs unload",
    "ipvsadm -R < services",
    "ip6tables-restore < rules6",
    "lvs sysctl -q conn_reuse_mode=0 'sync_threshold=5 60'",
    "ipvsadm --set 600 60 30",
    "lvs detach admin",
  ]);
});

test("great marks, which are saved as negative numbers, are read again", () => {
  const key: ServiceKey = { kind: "mark", family: 4, mark: 3_000_000_000 };
  const marked = serviceWith({ upperThreshold: 100 });
  const director = directorFacts({ services: [{ ...marked, service: { ...marked.service, key } }] });
  const edit = remakeCommand(director, hostFacts(), 4000).split(" && ")[2]!;
  assert.match(edit, /^sed -i /);
  const place = mkdtempSync(join(tmpdir(), "lvs-larger-table-"));
  try {
    const saved =
      "-A -f -1294967296 -s rr\n-P -f -1294967296 -z 10.0.0.9\n-a -f -1294967296 -r 10.0.0.1:80 -m -w 1\n";
    writeFileSync(join(place, "services"), saved);
    execFileSync("sh", ["-c", edit], { cwd: place });
    assert.equal(
      readFileSync(join(place, "services"), "utf8"),
      "-A -f 3000000000 -s rr\n-P -f 3000000000 -z 10.0.0.9\n-a -f 3000000000 -r 10.0.0.1:80 -m -w 1 -x 100\n",
    );
  } finally {
    rmSync(place, { recursive: true });
  }
});
