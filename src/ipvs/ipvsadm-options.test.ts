import assert from "node:assert/strict";
import { test } from "node:test";
import { serverOptions, serviceOptions, thresholdOptions } from "./ipvsadm-options.ts";
import type { Destination } from "./model.ts";

const SERVER: Destination = {
  ...{ family: 4, address: "10.0.0.1", port: 80, method: "masquerade", tunnel: null, weight: 3 },
  ...{ upperThreshold: 0, lowerThreshold: 0 },
};

test("services", () => {
  const at = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 } as const;
  assert.equal(serviceOptions(at), "-t 192.0.2.1:80");
  assert.equal(
    serviceOptions({ ...at, family: 6, protocol: "sctp", address: "2001:db8::1" }),
    "--sctp-service [2001:db8::1]:80",
  );
  assert.equal(serviceOptions({ kind: "mark", family: 4, mark: 3_000_000_000 }), "-f 3000000000");
  assert.equal(serviceOptions({ kind: "mark", family: 6, mark: 7 }), "-f 7 -6");
});

test("servers, and what is not saved of them", () => {
  const gue = { type: "gue", port: 6080, checksum: "remote" } as const;
  assert.equal(serverOptions(SERVER), "-m -w 3");
  assert.equal(
    serverOptions({ ...SERVER, method: "tunnel", tunnel: gue }),
    "-i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum",
  );
  assert.equal(thresholdOptions(SERVER), "");
  assert.equal(thresholdOptions({ ...SERVER, upperThreshold: 9, lowerThreshold: 4 }), " -x 9 -y 4");
});
