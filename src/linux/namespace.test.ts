import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { after, before, describe, test } from "node:test";
import { hasCode } from "./errno.ts";
import { close } from "./files.ts";
import {
  createNetworkNamespace,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  listNetworkNamespaces,
  openNetworkNamespace,
} from "./namespace.ts";
import { setLink, withRouteSocket } from "./netlink/index.ts";
import { spawnInNamespace } from "./spawn-in-namespace.ts";

const NAME = `linuxtest-namespace-${process.pid}`;
const skip = process.getuid?.() === 0 ? false : "network namespaces need root";

test("a bad name is refused before anything is touched", () => {
  for (const name of ["", ".", "..", "a/b", "x".repeat(256)]) {
    assert.throws(() => createNetworkNamespace(name), RangeError);
  }
});

describe("named network namespaces", { skip }, () => {
  before(() => createNetworkNamespace(NAME));
  after(() => deleteNetworkNamespace(NAME));

  test("are listed, and not made twice", () => {
    assert.ok(listNetworkNamespaces().includes(NAME));
    assert.throws(
      () => createNetworkNamespace(NAME),
      (error) => hasCode(error, "EEXIST"),
    );
    assert.throws(() => openNetworkNamespace("linuxtest-none"), /ENOENT.*known namespaces: .*linuxtest/);
  });

  test("are those of ip netns", (t) => {
    let listed: string;
    try {
      listed = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
    } catch {
      t.skip("the ip command is not installed");
      return;
    }
    assert.ok(listed.split("\n").some((line) => line.split(" ")[0] === NAME));
    const inside = execFileSync("ip", ["netns", "exec", NAME, "readlink", "/proc/self/ns/net"], {
      encoding: "utf8",
    });
    const { inode } = inNetworkNamespace(NAME, currentNetworkNamespace);
    assert.equal(inside.trim(), `net:[${inode}]`);
  });

  test("a section runs inside, and the thread comes back, also from an error", () => {
    const outside = currentNetworkNamespace();
    const inside = inNetworkNamespace(NAME, currentNetworkNamespace);
    assert.notEqual(inside.inode, outside.inode);
    assert.notEqual(inside.cookie, outside.cookie);
    assert.deepEqual(currentNetworkNamespace(), outside);
    assert.throws(
      () =>
        inNetworkNamespace(NAME, () => {
          throw new Error("inside");
        }),
      /^Error: inside$/,
    );
    assert.deepEqual(currentNetworkNamespace(), outside);
    const fd = openNetworkNamespace(NAME);
    assert.deepEqual(inNetworkNamespace(fd, currentNetworkNamespace), inside);
    close(fd);
  });

  test("an asynchronous section is refused", () => {
    assert.throws(() => inNetworkNamespace(NAME, async () => {}), /must be synchronous/);
  });

  test("no thread of Node stays behind in a namespace", () => {
    inNetworkNamespace(NAME, () => networkInterfaces());
    const threads = readdirSync("/proc/self/task").map((id) => readlinkSync(`/proc/self/task/${id}/ns/net`));
    assert.equal(new Set(threads).size, 1);
  });

  test("a child lives inside, with its server and client", async () => {
    const script = `
      const http = require("node:http");
      const { readlinkSync } = require("node:fs");
      const inode = readlinkSync("/proc/self/ns/net");
      const server = http.createServer((_, response) => response.end(inode));
      server.listen(80, "127.0.0.1", () => {
        http.get("http://127.0.0.1/", (response) => { response.pipe(process.stdout); server.close(); })
          .on("error", (error) => { console.log(error.code); server.close(); });
      });`;
    withRouteSocket((socket) => setLink(socket, "lo", { up: true }), NAME);
    const child = spawnInNamespace(NAME, [process.execPath, "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    for await (const chunk of child.stdout ?? []) output += chunk;
    const { inode } = inNetworkNamespace(NAME, currentNetworkNamespace);
    assert.equal(output, `net:[${inode}]`);
  });
});
