/** What handing the kernel's services over does, with programs in place of both ipvsadm. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commandOf } from "./finding.ts";
import { checkKernelIpvs } from "./kernel-ipvs.ts";
import { hostFacts } from "./testing/hosts.ts";

const KERNEL = "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n";
const OTHER = "-A -u 192.0.2.1:53 -s rr\n";

/** Hands over; `ours`: what our ipvsadm has then, null: it fails. Whether the kernel's services were removed. */
function handOver(ours: string | null, kernel: string | null = KERNEL): boolean {
  const place = mkdtempSync(join(tmpdir(), "lvs-kernel-ipvs-"));
  const script = (name: string, text: string): void =>
    writeFileSync(join(place, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const printing = (text: string | null): string => (text === null ? "exit 1" : `printf %s '${text}'`);
  // The status of a restore is that of its last line.
  script("ipvsadm", `if [ "$1" = -R ]; then cat > read; else ${printing(ours)}; fi`);
  script("old-ipvsadm-save", printing(kernel));
  script("old-ipvsadm", 'if [ "$1" = -C ]; then touch removed; else echo "$*"; fi');
  const command = commandOf(checkKernelIpvs(hostFacts({ kernelServices: ["tcp/192.0.2.1:80"] }))[0]!.remedy!);
  try {
    const line = command.replaceAll("/sbin/ipvsadm", "./old-ipvsadm");
    spawnSync("sh", ["-c", line], {
      cwd: place,
      env: { ...process.env, PATH: `${place}:${process.env.PATH}` },
    });
    if (kernel !== null) assert.equal(readFileSync(join(place, "read"), "utf8"), kernel);
    assert.equal(readFileSync(join(place, "thresholds"), "utf8"), "-L -n --thresholds\n");
    return existsSync(join(place, "removed"));
  } finally {
    rmSync(place, { recursive: true });
  }
}

test("the kernel's services are removed once we have them all", () => {
  assert.equal(handOver(KERNEL), true);
  assert.equal(handOver(OTHER + KERNEL), true, "and others of our own");
});

test("they stay if any of them was refused", () => {
  assert.equal(handOver(KERNEL.split("\n").slice(1).join("\n")), false, "not the last line");
  assert.equal(handOver(KERNEL.replace("-w 1", "-w 2")), false, "ours is another");
  assert.equal(handOver(""), false);
  assert.equal(handOver(null), false, "ours cannot be read");
  assert.equal(handOver(KERNEL, null), false, "the kernel's cannot be read");
});

test("it is said that thresholds are not handed over", () => {
  const [found] = checkKernelIpvs(hostFacts({ kernelServices: ["fwm4/7"] }));
  assert.match(found!.why, /Thresholds are not among what is saved/);
});
