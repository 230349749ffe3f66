/**
 * Passive FTP by a firewall mark, as in the tutorial on keepalived: VIP 192.168.100.111, servers 192.168.100.34 and .35 by direct
 * routing. One service for the control port 9814 and the data ports 8000 to 10000, with persistence, so that a client's data
 * connections go to the server that its control connection went to. Beside it the tutorial's REST service, port 9826, which is one of the
 * marked ports: so its requests are the mark's, as with the kernel's IPVS.
 */
import { createHash } from "node:crypto";
import { LabFailure } from "../console.ts";
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { isInstalled } from "../process.ts";
import { askWho } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "192.168.100.111";
const CONTROL = 9814;
const REST = 9826;
const SERVERS = [
  { name: "rs1", address: "192.168.100.34", weight: 1 },
  { name: "rs2", address: "192.168.100.35", weight: 1 },
] as const;
const CLIENTS = ["192.168.100.1", "192.168.100.2", "192.168.100.3", "192.168.100.4"];
const UPLOAD_BYTES = 500_000;
const REQUESTS = 40;

const HOSTS = [
  { node: "client", addresses: CLIENTS },
  { node: "director", addresses: ["192.168.100.244"] },
  ...SERVERS.map(({ name, address }) => ({ node: name, addresses: [address] })),
];

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: HOSTS.map(({ node, addresses }) =>
    plugged(
      "switch",
      node,
      addresses.map((address) => `${address}/24`),
    ),
  ),
  loopback: [{ node: "director", addresses: [`${VIP}/32`] }],
  switches: ["switch"],
});

/** Programs that are not ours, with their packages in Debian. */
const NEEDED = new Map([
  ["vsftpd", "vsftpd"],
  ["curl", "curl"],
]);

async function run(stage: Stage): Promise<void> {
  const missing = [...NEEDED].filter(([name]) => !isInstalled(name)).map(([, name]) => name);
  if (missing.length > 0) {
    throw new LabFailure(
      `the ftp lab has real programs of others talk FTP, of which some are missing: apt install ${missing.join(" ")}`,
    );
  }
  const { console } = stage;
  console.step(
    "Network: clients .1 to .4, director .244, rs1 .34 and rs2 .35 on one switch, 192.168.100.0/24",
  );
  for (const { name } of SERVERS) {
    const settings = [name, stage.namespace(name), String(CONTROL), "8000-10000", VIP];
    await stage.serve(name, "ftp/server-process", ...settings);
    await stage.serve(name, "web-server", name, "0.0.0.0", String(REST));
  }
  console.step("Real servers: what the tutorial's install_vip.sh does");
  for (const { name } of SERVERS) await stage.run(`lvs realserver start --vip ${VIP}`, name);
  console.step("Director: one mark for the control port and the data ports, one service for the mark");
  await stage.runAll([
    `iptables -t mangle -A PREROUTING -p tcp -d ${VIP} --dport ${CONTROL} -j MARK --set-mark 300`,
    `iptables -t mangle -A PREROUTING -p tcp -d ${VIP} --dport 8000:10000 -j MARK --set-mark 300`,
  ]);
  await stage.show("iptables -t mangle -L PREROUTING");
  await stage.runAll([
    "ipvsadm -A -f 300 -s wrr -p 900",
    ...SERVERS.map(({ address }) => `ipvsadm -a -f 300 -r ${address}:${CONTROL} -g -w 1`),
    `ipvsadm -A -t ${VIP}:${REST} -s wrr`,
    ...SERVERS.map(({ address }) => `ipvsadm -a -t ${VIP}:${REST} -r ${address}:${REST} -g -w 1`),
  ]);
  await stage.show("ipvsadm -Ln");
  await transfers(stage);
  if (isInstalled("ftp")) await session(stage);
  console.step(
    `The REST service: its port ${REST} is one of those marked, and a mark goes before an address`,
  );
  const served = await askWho(stage, { url: `http://${VIP}:${REST}/`, count: REQUESTS });
  stage.check(
    "the mark's service takes its requests, too: all come to the client's server",
    served.size === 1,
  );
}

/** Each client gets a file, puts one and gets it back: six connections or more, of which each must come to the same server. */
async function transfers(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step(`Passive FTP: each client gets a file, puts ${UPLOAD_BYTES / 1000} kB, and gets that back`);
  const expected = createHash("sha256").update(Buffer.alloc(UPLOAD_BYTES, "lvs ")).digest("hex");
  const rows: { client: string; server: string; same: boolean }[] = [];
  for (const client of CLIENTS) {
    const curl = `curl -sS --max-time 30 --interface ${client}`;
    const url = `ftp://${VIP}:${CONTROL}`;
    const file = `upload/${client}`;
    const server = await run1(stage, client === CLIENTS[0], `${curl} ${url}/who`);
    await run1(
      stage,
      client === CLIENTS[0],
      `yes 'lvs ' | tr -d '\\n' | head -c ${UPLOAD_BYTES} | ${curl} -T - ${url}/${file}`,
    );
    const digest = await run1(stage, client === CLIENTS[0], `${curl} ${url}/${file} | sha256sum`);
    rows.push({ client, server: server.trim(), same: digest.startsWith(expected) });
  }
  console.table(
    ["client", "server", "came back"],
    rows.map(({ client, server, same }) => [client, server, same ? "as it was" : "DIFFERENT"]),
  );
  stage.check(
    "every transfer came as it was sent",
    rows.every(({ same }) => same),
  );
  stage.check(
    "clients are spread over both servers",
    new Set(rows.map(({ server }) => server)).size === SERVERS.length,
  );
  const table = await stage.show("lvs connections --templates");
  stage.check(
    "a template holds each client to its server",
    table.match(/ mark 300 /g)?.length === CLIENTS.length,
    table,
  );
}

/** Runs a command at the client; shown, if it is the first of its kind. */
function run1(stage: Stage, shown: boolean, command: string): Promise<string> {
  return shown ? stage.run(command, "client") : stage.quietly(command, "client");
}

/** The tutorial's own client, with what a person would type. */
async function session(stage: Stage): Promise<void> {
  stage.console.step("The tutorial's client");
  const typed = "user anonymous me\\npassive on\\nls\\nget who -\\nbye\\n";
  const said = await stage.show(`printf '${typed}' | ftp -nvi ${VIP} ${CONTROL}`, "client");
  stage.check("it has listed and got a file", /^226 /m.test(said) && /^rs[12]$/m.test(said), said);
}

export const fileTransfer: Experiment = {
  about:
    "passive FTP by a firewall mark with persistence, direct routing; VIP 192.168.100.111, servers .34, .35",
  plan,
  run,
  entries: [
    { node: "director", command: "iptables -t mangle -L", about: "the director's rules" },
    { node: "director", command: "lvs connections", about: "its connections" },
    {
      node: "client",
      command: `curl --interface ${CLIENTS[0]} ftp://${VIP}:${CONTROL}/who`,
      about: "a client",
    },
  ],
  takeDown: SERVERS.map(({ name }) => ({ node: name, command: `lvs realserver stop --vip ${VIP}` })),
};
