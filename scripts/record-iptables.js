// Records what the real iptables does: `node scripts/record-iptables.js [TOPIC…]`, as root, where Debian's iptables 1.8.9
// (nf_tables) and nft are installed. Reads scripts/iptables-cases/TOPIC.txt, writes recordings/iptables/TOPIC.json. All of it
// happens in a network namespace of its own, with names of hosts, services, protocols and networks of its own.
//
// A file of cases:
//   === title       a case: what follows are its commands, one a line, each beginning from where the last one ended
//   --- title       each line that follows is a case of its own; `setup:` lines come before it, `then:` lines after it
//   | text          standard input of the command above
//   -A …            stands for `iptables -t mangle -A …`, `6 -A …` for `ip6tables -t mangle -A …`
//   # …             a comment
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CASES = fileURLToPath(new URL("iptables-cases/", import.meta.url));
const RECORDINGS = fileURLToPath(new URL("../recordings/iptables/", import.meta.url));
/** Exit status of a program that crashed, as a shell shows it. */
const CRASHED = 139;
const INSIDE = "LVS_RECORDING_IPTABLES";

/** Files that say what names there are. */
const NAMES = {
  hosts: `127.0.0.1 localhost
::1 ip6-localhost
198.51.100.6 client.example.net client
192.0.2.1 www.example.com www
203.0.113.1 multi.example.org
203.0.113.2 multi.example.org
2001:db8::1 www6.example.com
2001:db8::a multi6.example.org
2001:db8::b multi6.example.org
10.9.8.7 a-host-with-a-name-that-is-longer-than-its-column.example.com
`,
  services: `tcpmux 1/tcp
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
domain 53/tcp
domain 53/udp
http 80/tcp www
https 443/tcp
https 443/udp
sip 5060/tcp
sip 5060/udp
webmin 10000/tcp
`,
  protocols: `ip 0 IP
hopopt 0 HOPOPT
icmp 1 ICMP
igmp 2 IGMP
ipencap 4 IP-ENCAP
tcp 6 TCP
udp 17 UDP
dccp 33 DCCP
ipv6 41 IPv6
ipv6-route 43 IPv6-Route
ipv6-frag 44 IPv6-Frag
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
ipv6-icmp 58 IPv6-ICMP
ipv6-opts 60 IPv6-Opts
ospf 89 OSPFIGP
vrrp 112 VRRP
sctp 132 SCTP
mobility-header 135 Mobility-Header
udplite 136 UDPLite
`,
  networks: `link-local 169.254.0.0
campus 10.20
`,
  "nsswitch.conf": "hosts: files\nnetworks: files\nservices: files\nprotocols: files\n",
};

if (process.env[INSIDE] === undefined) {
  const { status } = spawnSync("unshare", ["-n", "-m", process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", TZ: "UTC", [INSIDE]: "1" },
  });
  process.exit(status ?? 1);
}

const folder = mkdtempSync(join(tmpdir(), "record-iptables-"));
try {
  for (const [name, text] of Object.entries(NAMES)) {
    const file = join(folder, name);
    writeFileSync(file, text);
    must("mount", ["--bind", file, `/etc/${name}`]);
  }
  mkdirSync(RECORDINGS, { recursive: true });
  const wanted = process.argv.slice(2);
  const topics = readdirSync(CASES).map((file) => file.replace(".txt", ""));
  for (const topic of topics.filter((each) => wanted.length === 0 || wanted.includes(each))) {
    const cases = parse(readFileSync(join(CASES, `${topic}.txt`), "utf8"), topic);
    const recorded = cases.map(({ id, steps }) => {
      must("nft", ["flush", "ruleset"]);
      return { id, steps: steps.map(run) };
    });
    write(`${topic}.json`, recorded);
    console.log(`${topic}: ${recorded.length} cases`);
  }
  const version = spawnSync("iptables", ["-V"], { encoding: "utf8" }).stdout.trim();
  const { "nsswitch.conf": _, ...names } = NAMES;
  writeFileSync(join(RECORDINGS, "environment.json"), `${JSON.stringify({ version, names }, null, 1)}\n`);
} finally {
  for (const name of Object.keys(NAMES)) spawnSync("umount", [`/etc/${name}`]);
  rmSync(folder, { recursive: true });
}

/** One case a line, so that a change shows as such. */
function write(file, recorded) {
  const lines = recorded.map((each) => JSON.stringify(each));
  writeFileSync(join(RECORDINGS, file), `[\n${lines.join(",\n")}\n]\n`);
}

function must(program, words) {
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
}

function run({ argv, stdin }) {
  const [program, ...words] = argv;
  const { status, stdout, stderr, signal } = spawnSync(program, words, {
    input: stdin ?? "",
    encoding: "utf8",
    timeout: 20_000,
  });
  if (signal !== null && signal !== "SIGSEGV") throw new Error(`${argv.join(" ")} ended by ${signal}`);
  return { argv, ...(stdin === undefined ? {} : { stdin }), exit: status ?? CRASHED, stdout, stderr };
}

function parse(text, topic) {
  const cases = [];
  let group = null;
  let steps = null;
  const step = (line) => ({ argv: words(line) });
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# ")) continue;
    const [, kind, title] = /^(===|---) (.*)$/.exec(line) ?? [];
    if (kind === "===") {
      group = null;
      steps = [];
      cases.push({ id: `${topic}/${title}`, steps });
    } else if (kind === "---") {
      group = { title, before: [], after: [] };
      steps = null;
    } else if (line.startsWith("| ") || line === "|") {
      const last = (steps ?? group.last).at(-1);
      last.stdin = `${last.stdin ?? ""}${line.slice(2)}\n`;
    } else if (group === null) {
      steps.push(step(line));
    } else if (line.startsWith("setup: ")) {
      group.before.push(step(line.slice(7)));
      group.last = group.before;
    } else if (line.startsWith("then: ")) {
      group.after.push(step(line.slice(6)));
      group.last = group.after;
    } else {
      const one = [step(line)];
      group.last = one;
      const { before, after } = group;
      const id = `${topic}/${group.title}: ${line}`;
      cases.push({
        id,
        get steps() {
          return [...before, ...one, ...after];
        },
      });
    }
  }
  return cases;
}

/** The words of a line, as a shell splits them. */
function words(line) {
  const short = /^6 -/.test(line) ? `ip6tables -t mangle ${line.slice(2)}` : line;
  const full = line.startsWith("-") ? `iptables -t mangle ${line}` : short;
  const found = [];
  for (const [word] of full.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g)) {
    found.push(
      word.replace(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
        (_, double, single) => single ?? double.replace(/\\(.)/g, "$1"),
      ),
    );
  }
  return found;
}
