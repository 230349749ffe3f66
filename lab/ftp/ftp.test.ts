/** The server and the clients by themselves: whatever they cannot do without a balancer is not the balancer's fault. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, removeNetwork } from "../network.ts";
import { type FtpServer, ftpGet, ftpList, ftpPut, startFtpServer } from "./index.ts";

const root = process.getuid?.() === 0;
const prefix = ownPrefix("lvs-test-ftp-alone");
const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 0xff);

const PLAN: NetworkPlan = {
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["192.0.2.1/24", "fd02::1/64"] },
      { node: "server", device: "eth0", addresses: ["192.0.2.2/24", "fd02::2/64"] },
    ],
  ],
};

describe("an FTP server and its clients", { skip: !root && "network namespaces need root" }, () => {
  let server: FtpServer;

  before(async () => {
    if (!root) return;
    buildNetwork(PLAN);
    const namespace = namespaceOf(PLAN, "server");
    server = await startFtpServer({ namespace, files: { "some.bin": CONTENT }, passivePorts: [8000, 8020] });
  });

  after(async () => {
    if (!root) return;
    await server?.stop();
    removeNetwork(prefix);
  });

  for (const client of ["curl", "lftp", "ftp"] as const) {
    for (const host of ["192.0.2.2", "fd02::2"]) {
      for (const mode of ["passive", "active"] as const) {
        const extended = host.includes(":") || (mode === "passive" && client !== "ftp");
        test(`${client}, ${mode}, ${host}`, async () => {
          const settings = { namespace: namespaceOf(PLAN, "client"), client, host, mode, extended };
          assert.match(await ftpList(settings), /^some\.bin\r?$/m);
          assert.ok(Buffer.from(CONTENT).equals(await ftpGet(settings, "some.bin")));
          const name = `${client}-${mode}-${host.length}`;
          await ftpPut(settings, `upload/${name}`, CONTENT);
          assert.ok(Buffer.from(CONTENT).equals(readFileSync(join(server.uploads, name))));
        });
      }
    }
  }
});
