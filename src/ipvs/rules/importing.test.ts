import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIptablesSave } from "../doctor/firewall/iptables-save.ts";
import { importRules } from "./importing.ts";
import { NO_RULE_NAMES } from "./text/names.ts";

test("importing and the doctor agree on the targets after which a packet goes on", () => {
  const targets = {
    continuing: [
      ...["AUDIT --type accept", "CLASSIFY --set-class 1:1", "TCPOPTSTRIP --strip-options wscale"],
      ...["SECMARK --selctx x", "CT --notrack", "TEE --gateway 10.0.0.9", "ECN --ecn-tcp-remove", "LOG"],
    ],
    diverting: ["TPROXY --on-port 80", "NFQUEUE --queue-num 1", "REJECT"],
  };
  for (const target of [...targets.continuing, ...targets.diverting]) {
    const text = `*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j ${target}\nCOMMIT\n`;
    const [refused] = importRules({ family: 4, text }, NO_RULE_NAMES).refused;
    const [chain] = parseIptablesSave(text, 4);
    const goesOn = targets.continuing.includes(target);
    assert.equal(refused?.diverts, !goesOn, target);
    assert.equal(chain?.rules[0]?.verdict.kind === "continue", goesOn, target);
  }
});
