import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, serve } from "./child.ts";
import { type Contender, PLAIN, plainRouting } from "./contender.ts";
import { type BenchLab, BULK_PORT, HTTP_PORT, SINK_PORT } from "./lab.ts";
import { scratchFolder } from "./scratch.ts";

const FIRST_EXTRA_PORT = 10_000;
/** What is balanced. */
export const PORTS = [
  { protocol: "tcp", port: HTTP_PORT },
  { protocol: "tcp", port: BULK_PORT },
  { protocol: "udp", port: SINK_PORT },
] as const;

/** Our programs, to be run by Node. */
export const ipvsadm = fileURLToPath(new URL("../../bin/ipvsadm", import.meta.url));
export const lvs = fileURLToPath(new URL("../../bin/lvs", import.meta.url));

const iptables: Contender = {
  name: "iptables",
  programs: ["iptables-restore"],
  udp: true,
  target: (lab) => lab.vip,
  setup: async (lab) => {
    const rules = PORTS.map(({ protocol, port }) => iptablesService(lab, protocol, port));
    await iptablesRestore(lab, rules);
  },
  program: async (lab, count) => {
    const rules = Array.from({ length: count - 1 }, (_, i) =>
      iptablesService(lab, "tcp", FIRST_EXTRA_PORT + i),
    );
    rules.push(...PORTS.map(({ protocol, port }) => iptablesService(lab, protocol, port)));
    return seconds(() => iptablesRestore(lab, rules));
  },
};

/** As kube-proxy writes it: one rule a service in the common chain, a chain a service, one rule a server. */
function iptablesService(lab: BenchLab, protocol: string, port: number): { chain: string; rules: string[] } {
  const chain = `SVC-${protocol}-${port}`;
  const match = `-A PREROUTING -d ${lab.vip}/32 -p ${protocol} -m ${protocol} --dport ${port} -j ${chain}`;
  const servers = lab.rips.map((rip, i) => {
    const left = lab.rips.length - i;
    const chance = left === 1 ? "" : `-m statistic --mode random --probability ${(1 / left).toFixed(5)} `;
    return `-A ${chain} -p ${protocol} ${chance}-j DNAT --to-destination ${rip}:${realPort(port)}`;
  });
  return { chain, rules: [match, ...servers] };
}

async function iptablesRestore(
  lab: BenchLab,
  services: readonly { chain: string; rules: string[] }[],
): Promise<void> {
  const lines = [
    "*nat",
    ...services.map(({ chain }) => `:${chain} - [0:0]`),
    ...services.flatMap((s) => s.rules),
  ];
  await run(lab.director, ["iptables-restore"], { input: `${lines.join("\n")}\nCOMMIT\n`, seconds: 300 });
}

const nft: Contender = {
  name: "nft map",
  programs: ["nft"],
  udp: true,
  target: (lab) => lab.vip,
  setup: async (lab) => nftables(lab, []),
  program: async (lab, count) => {
    const extra = Array.from({ length: count - 1 }, (_, i) => FIRST_EXTRA_PORT + i);
    return seconds(() => nftables(lab, extra));
  },
};

/** A verdict map from (address, protocol, port) to a chain a service, whose one rule maps a random number to a server. */
async function nftables(lab: BenchLab, extra: readonly number[]): Promise<void> {
  const services = [...extra.map((port) => ({ protocol: "tcp", port })), ...PORTS];
  const chains = services.map(({ protocol, port }) => {
    const servers = lab.rips.map((rip, i) => `${i} : ${rip} . ${realPort(port)}`).join(", ");
    return `chain svc_${protocol}_${port} {
 meta l4proto ${protocol} dnat ip addr . port to numgen random mod ${lab.rips.length} map { ${servers} }
}`;
  });
  const elements = services.map(
    ({ protocol, port }) => `${lab.vip} . ${protocol} . ${port} : goto svc_${protocol}_${port}`,
  );
  const script = `table ip lvsbench
delete table ip lvsbench
table ip lvsbench {
${chains.join("\n")}
map services {
 type ipv4_addr . inet_proto . inet_service : verdict
 elements = { ${elements.join(",\n")} }
}
chain prerouting {
 type nat hook prerouting priority dstnat; policy accept;
 ip daddr . meta l4proto . th dport vmap @services
}
}
`;
  await run(lab.director, ["nft", "-f", "-"], { input: script, seconds: 300 });
}

const haproxy: Contender = {
  name: "HAProxy",
  programs: ["haproxy"],
  udp: false,
  target: (lab) => lab.vip,
  setup: async (lab) => {
    const listen = [HTTP_PORT, BULK_PORT].map(
      (port) => `listen p${port}
  bind ${lab.vip}:${port}
${lab.rips.map((rip, i) => `  server s${i} ${rip}:${port}`).join("\n")}`,
    );
    const file = scratch(
      "haproxy.cfg",
      `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${listen.join("\n")}
`,
    );
    serve(lab.director, ["haproxy", "-db", "-q", "-f", file]);
  },
};

const nginx: Contender = {
  name: "nginx stream",
  programs: ["nginx"],
  udp: false,
  target: (lab) => lab.vip,
  setup: async (lab) => {
    const servers = [HTTP_PORT, BULK_PORT].map(
      (port) => `upstream u${port} { ${lab.rips.map((rip) => `server ${rip}:${port};`).join(" ")} }
server { listen ${lab.vip}:${port} reuseport backlog=4096; proxy_pass u${port}; }`,
    );
    const file = scratch(
      "nginx.conf",
      `daemon off; worker_processes 2; pid ${scratch("pid", "")}; error_log /dev/null crit;
include /usr/share/nginx/modules-available/mod-stream.conf;
events { worker_connections 8192; }
stream {
${servers.join("\n")}
}
`,
    );
    serve(lab.director, ["nginx", "-c", file]);
  },
};

const ours: Contender = {
  name: "lvs",
  programs: [],
  udp: true,
  target: (lab) => lab.vip,
  setup: async (lab) =>
    lvsRestore(
      lab,
      PORTS.map(({ protocol, port }) => lvsService(lab, protocol, port)),
    ),
  program: async (lab, count) => {
    const services = Array.from({ length: count - 1 }, (_, i) =>
      lvsService(lab, "tcp", FIRST_EXTRA_PORT + i),
    );
    services.push(...PORTS.map(({ protocol, port }) => lvsService(lab, protocol, port)));
    await run(lab.director, [process.execPath, ipvsadm, "-C"]);
    return seconds(() => lvsRestore(lab, services));
  },
};

function lvsService(lab: BenchLab, protocol: "tcp" | "udp", port: number): string {
  const service = `-${protocol === "tcp" ? "t" : "u"} ${lab.vip}:${port}`;
  const servers = lab.rips.map((rip) => `-a ${service} -r ${rip}:${realPort(port)} -m`);
  return [`-A ${service} -s rr`, ...servers].join("\n");
}

async function lvsRestore(lab: BenchLab, services: readonly string[]): Promise<void> {
  await run(lab.director, [process.execPath, ipvsadm, "-R"], { input: `${services.join("\n")}\n` });
}

/** Extra services lead to the HTTP port. */
function realPort(port: number): number {
  return port >= FIRST_EXTRA_PORT ? HTTP_PORT : port;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function scratch(name: string, text: string): string {
  const file = join(scratchFolder(), name);
  writeFileSync(file, text);
  return file;
}

export const contenders: readonly Contender[] = [plainRouting(PLAIN), iptables, nft, haproxy, nginx, ours];
