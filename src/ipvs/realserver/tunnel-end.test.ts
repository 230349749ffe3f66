/** A tunnel end that outlives what makes it, in a network namespace of its own. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { alu, exit, R0 } from "../../bpf/asm/index.ts";
import { hashMap, struct, TC_NEXT, u32 } from "../../bpf/index.ts";
import { createMap, feature, loadProgram, queryTcx } from "../../bpf/loader/index.ts";
import {
  createBridge,
  createNetworkNamespace,
  deleteLink,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  listFilters,
  openStateDirectory,
  type StateDirectory,
  umount,
  withRouteSocket,
} from "../../linux/index.ts";
import { TUNNEL_TYPES, type TunnelSettings } from "./model.ts";
import { TunnelEnd } from "./tunnel-end.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf, network namespaces)";
const NAMESPACE = `bpf-end-${process.pid}`;
const Other = struct("Other", { word: u32 });
const all: TunnelSettings = { types: TUNNEL_TYPES, guePort: 6080 };
const some: TunnelSettings = { types: ["gue"], guePort: 5555 };

describe("a tunnel end that stays", { skip }, () => {
  let place = "";
  let root: StateDirectory;
  let directory = "";
  const recorded = new Map<string, TunnelSettings>();
  const end = () => new TunnelEnd(directory, join(place, "cache"), () => recorded);
  const inside = <T>(work: () => T): T => inNetworkNamespace(NAMESPACE, work);
  const facts = () => inside(() => end().facts());

  before(() => {
    if (skip) return;
    place = mkdtempSync(join(tmpdir(), "lvs-end-"));
    root = openStateDirectory(join(place, "state"));
    directory = `${root.path}/realserver-1`;
    createNetworkNamespace(NAMESPACE);
    inside(() =>
      withRouteSocket((socket) => {
        for (const name of ["b0", "b1"]) createBridge(socket, { name, up: true });
      }),
    );
  });

  after(() => {
    if (skip) return;
    deleteNetworkNamespace(NAMESPACE);
    root.close();
    umount(join(place, "state/bpf"));
    rmSync(place, { recursive: true });
  });

  it("is nothing before it is needed", () => {
    assert.deepEqual(facts(), { links: [], outdated: [], addresses: new Map() });
    inside(() => end().tidy());
    assert.equal(existsSync(directory), false);
  });

  it("is there for whoever looks, each address with what it takes", () => {
    inside(() => {
      end().attach("b0");
      end().set("192.0.2.1", all);
      end().set("2001:db8::1", some);
    });
    const addresses = new Map([
      ["192.0.2.1", all],
      ["2001:db8::1", some],
    ]);
    assert.deepEqual(facts().links, ["b0"]);
    assert.deepEqual(new Map([...facts().addresses].sort()), addresses);
    assert.deepEqual(
      new Map([...inside(() => end().packets())].sort()),
      new Map([...addresses.keys()].map((each) => [each, 0])),
    );
    inside(() => end().attach("b0"));
    assert.equal(
      inside(() => programsAt("b0")),
      1,
    );
  });

  it("another version takes its place at all interfaces", () => {
    const old = loadProgram(
      {
        ...{ name: "lvs_dec_old", type: "schedCls", license: "GPL", functions: [], lines: [], maps: [] },
        instructions: [alu.mov.imm(R0, TC_NEXT | 0), exit()],
      },
      new Map(),
    );
    old.pin(`${directory}/program`, { replace: true });
    old.close();
    assert.deepEqual([facts().links, facts().outdated], [[], ["b0"]]);
    inside(() => end().attach("b1"));
    assert.deepEqual([facts().links, facts().outdated], [["b0", "b1"], []]);
    assert.equal(facts().addresses.size, 2);
  });

  it("an end whose map is lost is made anew, from what is recorded", () => {
    rmSync(`${directory}/addresses`);
    assert.deepEqual([facts().links, facts().outdated], [[], ["b0", "b1"]]);
    recorded.set("192.0.2.1", all);
    inside(() => end().attach("b0"));
    assert.deepEqual(facts(), {
      ...{ links: ["b0", "b1"], outdated: [], addresses: new Map([["192.0.2.1", all]]) },
    });
  });

  it("stays for what is recorded, though its map is of another version", () => {
    rmSync(`${directory}/addresses`);
    using other = createMap(hashMap("addresses", { key: Other, value: Other, entries: 1 }));
    other.pin(`${directory}/addresses`);
    inside(() => end().tidy());
    assert.deepEqual([facts().links, facts().outdated], [[], ["b0", "b1"]]);
    inside(() => end().attach("b0"));
    assert.deepEqual(facts(), {
      ...{ links: ["b0", "b1"], outdated: [], addresses: new Map([["192.0.2.1", all]]) },
    });
  });

  it("lets go of interfaces that are gone", () => {
    inside(() => withRouteSocket((socket) => deleteLink(socket, "b1")));
    inside(() => end().tidy());
    assert.deepEqual(facts().links, ["b0"]);
    const pins = readdirSync(directory).filter((name) => name.startsWith("link-"));
    assert.ok(pins.length <= 1, pins.join(", "));
  });

  it("is gone with its last address", () => {
    recorded.clear();
    inside(() => {
      end().set("192.0.2.1", null);
      end().tidy();
      assert.equal(programsAt("b0"), 0);
      assert.equal(programsAt("lo"), 0);
    });
    assert.equal(existsSync(directory), false);
    assert.deepEqual(facts(), { links: [], outdated: [], addresses: new Map() });
  });
});

/** How many programs packets of an interface meet. */
function programsAt(name: string): number {
  return withRouteSocket((socket) =>
    feature("tcxLinks").available
      ? queryTcx(linkIndex(socket, name)).length
      : listFilters(socket, name, "ingress").filter(({ programId }) => programId !== undefined).length,
  );
}
