import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Administration, Command } from "../../ipvs/administration.ts";
import { IpvsError, NotSupportedError } from "../../ipvs/errors.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { NO_NAMES } from "./names.ts";
import { runIpvsadm } from "./run.ts";

/** A director that remembers in which batches it was told what. */
class Recorder extends MemoryAdministration {
  readonly batches: Command["kind"][][] = [];

  override apply(commands: readonly Command[]): readonly (IpvsError | null)[] {
    this.batches.push(commands.map(({ kind }) => kind));
    return super.apply(commands);
  }
}

function restore(director: () => Administration, rules: string): { status: number; output: string } {
  let output = "";
  const write = (text: string): void => {
    output += text;
  };
  const status = runIpvsadm(["-R"], {
    administration: director,
    stdin: () => rules,
    stdout: write,
    stderr: write,
    names: NO_NAMES,
  });
  return { status, output };
}

describe("ipvsadm -R", () => {
  test("makes all changes in one batch, up to a line that asks", () => {
    const director = new Recorder();
    const rules = "-C\n-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n-L --timeout\n-C\n";
    const { status, output } = restore(() => director, rules);
    assert.equal(status, 0);
    assert.equal(output, "Timeout (tcp tcpfin udp): 900 120 300\n");
    assert.deepEqual(director.batches, [["flush", "add-service", "add-destination"], ["flush"]]);
  });

  test("reports refusals and unknown options in the order of the lines, and goes on", () => {
    const director = new Recorder();
    const rules = "-D -t 1.1.1.1:1\n-A --bogus\n-a -t 1.1.1.1:1 -r 1.1.1.2 -m\n-A -t 1.1.1.1:1\n";
    const { status, output } = restore(() => director, rules);
    assert.equal(status, 0);
    assert.equal(output, "No such service\n--bogus: unknown option\nService not defined\n");
    assert.equal(director.services().length, 1);
    assert.equal(director.batches.length, 1);
  });

  test("a bad value ends it; what comes before is done", () => {
    const director = new Recorder();
    const { status, output } = restore(() => director, "-A -t 1.1.1.1:1\n-A -t 1.1.1.1:x\n-A -t 1.1.1.2:1\n");
    assert.equal(status, 2);
    assert.equal(output, "illegal virtual server address[:port] specified\n");
    assert.equal(director.services().length, 1);
  });

  test("the status is that of the last line", () => {
    assert.equal(restore(() => new Recorder(), "-D -t 1.1.1.1:1\n").status, 255);
    assert.equal(restore(() => new Recorder(), "-D -t 1.1.1.1:1\n\n").status, 0);
  });

  test("10,000 services with 5 servers each are read and checked in well under a second", () => {
    let rules = "";
    for (let number = 0; number < 10_000; number++) {
      const service = `10.0.${number >> 8}.${number & 255}:80`;
      rules += `-A -t ${service} -s wrr\n`;
      for (let server = 1; server <= 5; server++) {
        rules += `-a -t ${service} -r 172.16.${server}.${number & 255}:8080 -m -w ${server}\n`;
      }
    }
    const director = new Recorder();
    const began = performance.now();
    const { status, output } = restore(() => director, rules);
    const took = performance.now() - began;
    assert.deepEqual({ status, output }, { status: 0, output: "" });
    assert.equal(director.batches.length, 1);
    assert.equal(director.services().length, 10_000);
    assert.ok(took < 2000, `${took} ms`);
  });
});

describe("a director that refuses", () => {
  const director = (refuse: () => IpvsError): Administration =>
    new (class extends MemoryAdministration {
      override apply(commands: readonly Command[]): readonly IpvsError[] {
        return commands.map(refuse);
      }
    })();

  test("what is not supported yet is named, and the status is 255", () => {
    const refusing = director(() => new NotSupportedError("IPv6", { operation: "add-service" }));
    assert.deepEqual(
      restore(() => refusing, "-A -t [2001:db8::1]:80\n"),
      { status: 255, output: "not supported yet: IPv6\n" },
    );
  });

  test("a director that cannot be opened ends it with status 2", () => {
    const fail = (): never => {
      throw new IpvsError("EPERM", { operation: "open" });
    };
    assert.deepEqual(restore(fail, "-C\n-C\n"), {
      status: 2,
      output: "Can't initialize ipvs: Permission denied (you must be root)\n",
    });
  });

  test("an error's own message is shown where it says more", () => {
    const busy = director(
      () =>
        new IpvsError("EBUSY", { operation: "flush", message: "another ipvsadm holds the lock for 10 s" }),
    );
    assert.equal(restore(() => busy, "-C\n").output, "another ipvsadm holds the lock for 10 s\n");
  });
});
