/**
 * A client, a director and three real servers behind a switch, as in the tutorials (VIP 172.16.254.200:80, weighted
 * round robin). Runs real requests through the balancer, then ends every process of ours during a download to show that
 * traffic does not notice.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LabFailure } from "../console.ts";
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { lines } from "../process.ts";
import { askByWeight } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "172.16.254.200";
const PORT = 80;
const SERVERS = [
  { name: "rs1", address: "192.168.0.18", weight: 3 },
  { name: "rs2", address: "192.168.0.28", weight: 2 },
  { name: "rs3", address: "192.168.0.38", weight: 1 },
] as const;
/** A whole number of turns of the weights. */
const REQUESTS = 600;
const DOWNLOAD_BYTES = 8_000_000;
const KILLS = 12;

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["172.16.254.1/24"] },
      { node: "director", device: "outside", addresses: ["172.16.254.254/24", `${VIP}/32`] },
    ],
    plugged("switch", "director", ["192.168.0.254/24"], "inside"),
    ...SERVERS.map(({ name, address }) => plugged("switch", name, [`${address}/24`])),
  ],
  switches: ["switch"],
  routes: SERVERS.map(({ name }) => ({ node: name, to: "default", via: "192.168.0.254" })),
  sysctls: [{ node: "director", name: "net.ipv4.ip_forward", value: "1" }],
});

async function run(stage: Stage): Promise<void> {
  stage.console.step("Network: client ── director ── switch ── three real servers");
  for (const { name, address } of SERVERS) await stage.serve(name, "web-server", name, address, String(PORT));
  await stage.runAll([
    `ipvsadm -A -t ${VIP}:${PORT} -s wrr`,
    ...SERVERS.map(
      ({ address, weight }) => `ipvsadm -a -t ${VIP}:${PORT} -r ${address}:${PORT} -m -w ${weight}`,
    ),
  ]);
  await stage.show("ipvsadm -Ln");
  stage.console.step(`${REQUESTS} requests, one connection each`);
  await askByWeight(stage, SERVERS, { url: `http://${VIP}:${PORT}/`, count: REQUESTS });
  await killing(stage);
  await stage.show("ipvsadm -Ln");
  await stage.show("ipvsadm -Ln --stats");
}

/** Ends commands of ours with SIGKILL, one after the other at odd moments, while a download runs through the balancer. */
async function killing(stage: Stage): Promise<void> {
  stage.console.step(
    `A download of ${DOWNLOAD_BYTES / 1e6} MB; meanwhile every process of ours gets SIGKILL`,
  );
  const client = stage.script(
    "client",
    "web-client",
    "download",
    `http://${VIP}:${PORT}/big/${DOWNLOAD_BYTES}`,
  );
  const change = `-e -t ${VIP}:${PORT} -r ${SERVERS[0].address}:${PORT} -m -w 3`.split(" ");
  let killed = 0;
  const finished = { yes: false };
  const killer = (async () => {
    while (killed < KILLS && !finished.yes) {
      const victim = stage.start("director", ["ipvsadm", ...change]);
      await sleep(40 + killed * 12);
      if (victim.exitCode === null) {
        victim.kill("SIGKILL");
        killed++;
      }
    }
  })();
  const download = async () => {
    let last = "";
    for await (const line of lines(client)) {
      if (line.startsWith("done")) last = line;
      else
        stage.console.progress(
          Number(line) / DOWNLOAD_BYTES,
          `${(Number(line) / 1e6).toFixed(1)} MB, ${killed} processes killed`,
        );
    }
    finished.yes = true;
    return last;
  };
  const [summary] = await Promise.all([download(), killer]);
  stage.console.progressDone();
  const [, bytes, server] = summary.split(" ");
  if (Number(bytes) !== DOWNLOAD_BYTES) throw new LabFailure(`the download ended early: "${summary}"`);
  stage.console.say(`complete: ${bytes} bytes from ${server}, ${killed} processes of ours killed meanwhile`);
}

export const natByWeight: Experiment = {
  about: "a client, a director and three real servers; NAT, weighted round robin",
  plan,
  run,
  entries: [
    { node: "director", command: "ipvsadm -Ln", about: "the director" },
    { node: "client", command: `curl http://${VIP}/`, about: "a client" },
  ],
};
