/** What real servers leave behind in the state directory. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { feature } from "../../bpf/loader/index.ts";
import {
  createNetworkNamespace,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  umount,
} from "../../linux/index.ts";
import { setUpRealServer, takeDownRealServer } from "./real-server.ts";

const isRoot = process.getuid?.() === 0;
const skip = !isRoot
  ? "needs root (bpf, network namespaces)"
  : feature("tcxLinks").available
    ? false
    : "needs tcx links (Linux 6.6): without, nothing tells that a namespace is gone";
const GONE = `lvs-gone-${process.pid}`;
const HERE = `lvs-here-${process.pid}`;
const vips = ["192.0.2.1"];

describe("what is left of a real server under direct routing", { skip }, () => {
  let place = "";
  const options = () => ({ stateDirectory: join(place, "state"), cacheDirectory: join(place, "cache") });
  const start = (namespace: string) =>
    inNetworkNamespace(namespace, () => setUpRealServer({ vips }, options()));
  const stop = (namespace: string) =>
    inNetworkNamespace(namespace, () => takeDownRealServer(vips, options()));
  const files = (): string[] =>
    [place, join(place, "state"), join(place, "state/bpf")]
      .flatMap((folder) => readdirSync(folder))
      .filter((name) => /\d/.test(name))
      .sort();

  before(() => {
    if (skip) return;
    place = mkdtempSync(join(tmpdir(), "lvs-host-"));
    for (const name of [GONE, HERE]) createNetworkNamespace(name);
  });

  after(() => {
    if (skip) return;
    deleteNetworkNamespace(HERE);
    umount(join(place, "state/bpf"));
    rmSync(place, { recursive: true });
  });

  it("nothing, when it has stopped", () => {
    start(HERE);
    const { cookie } = inNetworkNamespace(HERE, currentNetworkNamespace);
    assert.deepEqual(files(), [`${cookie}.lock`, `realserver-${cookie}`, `realserver-${cookie}.json`]);
    stop(HERE);
    assert.deepEqual(files(), []);
  });

  it("nothing, when its namespace is gone and another one changes something", async () => {
    start(GONE);
    const { cookie } = inNetworkNamespace(GONE, currentNetworkNamespace);
    const left = () => files().filter((name) => name.includes(String(cookie)));
    start(HERE);
    assert.equal(left().length, 3, "it lives");
    deleteNetworkNamespace(GONE);
    // The kernel takes its time.
    for (let tries = 0; left().length > 0 && tries < 50; tries++) {
      await sleep(100);
      stop(HERE);
      start(HERE);
    }
    assert.deepEqual(left(), []);
    stop(HERE);
    assert.deepEqual(files(), []);
  });
});
