/** What is foretold is what happens: in random configurations, with real packets. `npm run fuzz:explain` does more of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { feature } from "../../bpf/loader/index.ts";
import { MNT_DETACH, umount } from "../../linux/index.ts";
import { optionsIn, Trial } from "./testing/trial.ts";

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
];

test(`explanations agree with what happens in ${CONFIGURATIONS} configurations`, { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-explain-"));
  const trial = await Trial.open(`explain-${process.pid}`, optionsIn(folder));
  try {
    for (let number = 0; number < CONFIGURATIONS; number++) trial.configuration(SEED, number, PACKETS);
  } finally {
    trial.close();
    umount(join(folder, "run", "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  }
  const tunnels = [...trial.tally.keys()].filter((name) => name.startsWith("method tunnel"));
  assert.ok(tunnels.length > 1, `of tunnels there were only ${tunnels}`);
  for (const kind of KINDS) assert.ok((trial.tally.get(kind) ?? 0) > 0, `no packet had ${kind}`);
});
