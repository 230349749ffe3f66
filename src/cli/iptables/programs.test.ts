import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IpvsError } from "../../ipvs/errors.ts";
import { testEnvironment } from "../testing/iptables-recordings.ts";
import { MemoryRules } from "../testing/memory-rules.ts";
import type { IptablesEnvironment, IptablesProgram } from "./environment.ts";
import { runIptablesProgram } from "./main.ts";
import { ctime } from "./run-save.ts";
import { hasCommand, tableOf } from "./table-of-words.ts";

async function run(
  line: string,
  changes: Partial<IptablesEnvironment> = {},
  rules = new MemoryRules(),
): Promise<{ exit: number; stdout: string; stderr: string }> {
  const [program, ...words] = line.split(" ");
  const { environment, printed } = testEnvironment(rules, changes);
  const exit = await runIptablesProgram(program as IptablesProgram, words, environment);
  return { exit, ...printed };
}

/** A system with iptables under /usr/sbin, and what was run of it. */
function systemWithIptables() {
  const ran: string[] = [];
  const system = {
    find: (program: string) => `/usr/sbin/${program}`,
    run: (path: string, words: readonly string[]) => {
      ran.push([path, ...words].join(" "));
      return 7;
    },
  };
  return { system, ran };
}

describe("other tables", () => {
  for (const line of [
    "iptables -t nat -F",
    "iptables -t nat -X",
    "iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE",
    "iptables -L -n",
    "iptables -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
    "ip6tables -tfilter -S",
    "iptables -nvL -t raw",
    "iptables --table=security -L",
    "iptables-save -t nat",
    "ip6tables-restore -T filter",
  ]) {
    test(`${line} is the system's`, async () => {
      const { system, ran } = systemWithIptables();
      assert.deepEqual(await run(line, { system }), { exit: 7, stdout: "", stderr: "" });
      assert.deepEqual(ran, [`/usr/sbin/${line}`]);
    });
  }

  test("without the system's iptables they are refused, with advice", async () => {
    const { exit, stderr } = await run("iptables -t nat -F");
    assert.equal(exit, 2);
    assert.match(stderr, /the table `nat' is none of ours/);
    assert.match(stderr, /install iptables/);
  });

  test("a restored file with other tables is refused as a whole, with the line", async () => {
    const rules = new MemoryRules();
    const stdin = (): string => "*mangle\n-A PREROUTING -j ACCEPT\nCOMMIT\n*nat\n-F\nCOMMIT\n";
    const { system } = systemWithIptables();
    const { exit, stderr } = await run("iptables-restore", { stdin, system }, rules);
    assert.equal(exit, 2);
    assert.match(stderr, /the table `nat' is none of ours/);
    assert.match(stderr, /Error occurred at line: 4\n/);
    assert.match(stderr, /\/usr\/sbin\/iptables-restore/);
    assert.equal(rules.changes, 0);
  });
});

test("the table is found in any words", () => {
  const cases: [string, string | null][] = [
    ["-L", null],
    ["-t mangle -L", "mangle"],
    ["-tnat -L", "nat"],
    ["-nvt nat -L", "nat"],
    ["-L --table nat", "nat"],
    ["-L --tab=nat", "nat"],
    ["-A x -m comment --comment -t -t raw", "raw"],
    ["-t mangle -A PREROUTING -m comment --comment -test- -j ACCEPT", "mangle"],
    ["-t mangle -A PREROUTING -m comment --comm --table -j ACCEPT", "mangle"],
    ["-A FORWARD -j LOG --log-prefix -table- -t filter", "filter"],
    ["-A FORWARD -j TCPMSS --clamp-mss-to-pmtu -t mangle", "mangle"],
    ["-L --line-numbers -t nat", "nat"],
    ["--append -t --table nat", "nat"],
    ["-A -t -t raw", "raw"],
    ["-A x -j t", null],
    ["-- -t nat", null],
    ["-t", null],
  ];
  for (const [line, table] of cases) assert.equal(tableOf(line.split(" ")), table, line);
  assert.ok(hasCommand(["-nvL"]) && hasCommand(["--list"]) && hasCommand(["--append", "x"]));
  assert.ok(
    !hasCommand(["-V"]) &&
      !hasCommand(["-h"]) &&
      !hasCommand(["-j", "LOG"]) &&
      !hasCommand(["--comment", "-A"]) &&
      !hasCommand([]),
  );
});

describe("what is none of ours", () => {
  for (const [line, what] of [
    ["-A PREROUTING -m conntrack --ctstate NEW -j ACCEPT", "the match `conntrack'"],
    ["-A PREROUTING -p icmp --icmp-type 8 -j DROP", "the match `icmp'"],
    ["-A PREROUTING -j LOG --log-prefix x", "the target `LOG'"],
    ["-A PREROUTING -j CONNMARK --save-mark", "the target `CONNMARK'"],
    ["-A PREROUTING -p tcp --tcp-option 8", "the option `--tcp-option'"],
    ["-A FORWARD -j ACCEPT", "the chain `FORWARD'"],
    ["-I POSTROUTING -o eth0 -j ACCEPT", "`-o'"],
    ["-P FORWARD DROP", "the policy of the chain `FORWARD'"],
  ] as const) {
    test(line, async () => {
      const { system } = systemWithIptables();
      const rules = new MemoryRules();
      const { exit, stdout, stderr } = await run(`iptables -t mangle ${line}`, { system }, rules);
      assert.equal(exit, 2);
      assert.equal(stdout, "");
      assert.ok(stderr.startsWith(`iptables v1.8.9 (lvs): ${what} is none of ours: `), stderr);
      assert.ok(
        stderr.endsWith(`\nThe system's own iptables may do it: /usr/sbin/iptables -t mangle ${line}\n`),
        stderr,
      );
      assert.equal(rules.changes, 0);
    });
  }
});

test("help and version need nothing", async () => {
  const rules = async (): Promise<never> => {
    throw new Error("the rules were opened");
  };
  assert.match((await run("iptables -h", { rules })).stdout, /^iptables v1.8.9 \(lvs\): rules .*-j MARK/s);
  assert.match((await run("ip6tables -t mangle --help", { rules })).stdout, /^ip6tables v1.8.9/);
  assert.equal((await run("ip6tables -V", { rules })).stdout, "ip6tables v1.8.9 (lvs)\n");
  assert.match((await run("iptables-restore -h", { rules })).stdout, /^Usage: iptables-restore /);
});

test("what the director refuses is said with its reason", async () => {
  const refuse = (code: "EPERM" | "ENOSPC", message?: string) => async () => {
    throw new IpvsError(code, { operation: "open", ...(message === undefined ? {} : { message }) });
  };
  const line = "iptables -t mangle -A PREROUTING -j ACCEPT";
  const denied = await run(line, { rules: refuse("EPERM") });
  assert.equal(denied.exit, 4);
  assert.match(denied.stderr, /Permission denied \(you must be root\)\n$/);
  const lacking = await run(line, { rules: refuse("EPERM", "this process lacks CAP_BPF") });
  assert.deepEqual(
    [lacking.exit, lacking.stderr],
    [4, "iptables v1.8.9 (lvs): this process lacks CAP_BPF\n"],
  );
  const full = await run(line, { rules: refuse("ENOSPC", "there is no room for more rules") });
  assert.deepEqual([full.exit, full.stderr], [4, "iptables v1.8.9 (lvs): there is no room for more rules\n"]);
});

test("an interface that there cannot be is warned of, and saved so that it comes back", async () => {
  const words = ["-t", "mangle", "-A", "PREROUTING", "-i"];
  const rules = new MemoryRules();
  const { environment, printed } = testEnvironment(rules, {});
  const names = ["a b", "a/b+", " a", "a\tb", 'a"b', "a\\b", "a'b", "!", "-x"];
  for (const name of names) await runIptablesProgram("iptables", [...words, name], environment);
  const weird = (name: string) =>
    `Warning: weird character in interface \`${name}' ('/' and ' ' are not allowed by the kernel).\n`;
  assert.equal(printed.stderr, ["a b", "a/b+", " a"].map(weird).join(""));
  const saved = (await run("iptables-save", {}, rules)).stdout;
  assert.match(saved, /^-A PREROUTING -i "a b"$/m);
  assert.match(saved, /^-A PREROUTING -i a\/b\+$/m);
  const again = new MemoryRules();
  const restored = await run("iptables-restore", { stdin: () => saved }, again);
  assert.deepEqual(restored, { exit: 0, stdout: "", stderr: printed.stderr });
  assert.deepEqual(again.ruleSet(4), rules.ruleSet(4));
  assert.equal(await runIptablesProgram("iptables", [...words, "a\nb"], environment), 2);
  assert.match(printed.stderr, /an interface's name must be a single line/);
});

test("5,000 saved rules are restored in one change", async () => {
  const rules = new MemoryRules();
  const lines = Array.from({ length: 5000 }, (_, index) => {
    const address = `10.${index >> 8}.${index & 255}.1/32`;
    return `-A PREROUTING -d ${address} -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff`;
  });
  const text = `*mangle\n${lines.join("\n")}\nCOMMIT\n`;
  assert.equal((await run("iptables-restore", { stdin: () => text }, rules)).stderr, "");
  assert.equal(rules.changes, 1);
  assert.equal(rules.ruleSet(4).chains[0]!.rules.length, 5000);
});

test("moments are written as ctime writes them", () => {
  assert.equal(ctime(new Date(2026, 10, 30, 5, 2, 53)), "Mon Nov 30 05:02:53 2026");
  assert.equal(ctime(new Date(2026, 0, 3, 15, 2, 53)), "Sat Jan  3 15:02:53 2026");
});
