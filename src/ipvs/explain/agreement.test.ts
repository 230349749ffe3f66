/** What is foretold is what happens: in random configurations, with real packets. `npm run fuzz:explain` does more of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { feature } from "../../bpf/loader/index.ts";
import { runTrials } from "./testing/trials.ts";

const skip =
  process.getuid?.() !== 0
    ? "namespaces and a director in the kernel need root"
    : feature("tcxLinks").available
      ? false
      : "marks are given here by a program before the director's, which needs tcx links";

const SEED = 2026;
const CONFIGURATIONS = 120;
const PACKETS = 2;
/** All that is to have occurred among so many. */
const KINDS = [
  ...[
    "verdict sent",
    "verdict kernel",
    "verdict dropped",
    "verdict answered",
    "connection",
    "connection-made",
  ],
  ...["template", "template-made", "refused", "by-itself", "opens-nothing", "no-service", "not-balanced"],
  ...["method masquerade", "method route", "method fullnat", "hop cached", "hop asked"],
  ...["answered host unreachable", "rules matched", "rules passed", "rules dropped"],
];

test(`explanations agree with what happens in ${CONFIGURATIONS} configurations`, { skip }, async () => {
  const tally = await runTrials({ seed: SEED, configurations: CONFIGURATIONS, packets: PACKETS });
  const tunnels = [...tally.keys()].filter((name) => name.startsWith("method tunnel"));
  assert.ok(tunnels.length > 1, `of tunnels there were only ${tunnels}`);
  for (const kind of KINDS) assert.ok((tally.get(kind) ?? 0) > 0, `no packet had ${kind}`);
});
