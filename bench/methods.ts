/** Our forwarding methods and schedulers, each beside plain routing in the same kind of network. */
import { fileURLToPath } from "node:url";
import { run } from "./child.ts";
import { type Contender, PLAIN, plainRouting } from "./contender.ts";
import { ipvsadm, PORTS } from "./contenders.ts";
import { at, type BenchLab, type Topology } from "./lab.ts";

const IPV6: Topology = { family: 6, replies: "routed" };
const DIRECT: Topology = { family: 4, replies: "direct" };
const PLAIN_IPV6 = "plain routing, IPv6";
const PLAIN_DIRECT = "plain routing, direct replies";
const GUE_PORT = 6080;
/** The command that makes the server the end of tunnels. */
const lvs = fileURLToPath(new URL("../../bin/lvs", import.meta.url));

/** What shows a method's cost; plain masquerading runs them all. */
const WORKLOADS = ["connections", "requests", "bulk1", "known", "new"];

interface Way {
  readonly topology?: Topology;
  readonly base?: string;
  /** Options of the service and of each server, as ipvsadm takes them. */
  readonly service?: string;
  readonly server?: string;
  /** Whether services get local addresses. */
  readonly locals?: boolean;
  /** Whether servers take packets out of tunnels. */
  readonly tunnel?: boolean;
  readonly workloads?: readonly string[];
}

function way(name: string, { topology, base, workloads = WORKLOADS, ...rest }: Way): Contender {
  return {
    name,
    ...(topology === undefined ? {} : { topology }),
    ...(base === undefined ? {} : { base }),
    workloads,
    programs: [],
    udp: true,
    target: (lab) => lab.vip,
    setup: (lab) => setUp(lab, rest),
  };
}

async function setUp(
  lab: BenchLab,
  { service = "-s rr", server = "-m", locals, tunnel }: Way,
): Promise<void> {
  const lines = PORTS.flatMap(({ protocol, port }) => {
    const key = `-${protocol === "tcp" ? "t" : "u"} ${at(lab.vip, port)}`;
    return [
      `-A ${key} ${service}`,
      ...(locals === true ? lab.locals.map((each) => `-P ${key} -z ${each}`) : []),
      ...lab.rips.map((rip) => `-a ${key} -r ${at(rip, port)} ${server}`),
    ];
  });
  await run(lab.director, [process.execPath, ipvsadm, "-R"], { input: `${lines.join("\n")}\n` });
  if (tunnel === true) {
    await run(lab.server, [process.execPath, lvs, "realserver", "start", "--vip", lab.vip, "--mode", "tun"]);
  }
}

const scheduled = (scheduler: string): Contender =>
  way(`scheduler ${scheduler}`, { service: `-s ${scheduler}`, workloads: ["new"] });
const tunnelled = (type: string, options: string): Contender =>
  way(`TUN ${type}`, {
    topology: DIRECT,
    base: PLAIN_DIRECT,
    server: `-i --tun-type ${type}${options}`,
    tunnel: true,
  });

/** Forwarding methods, what makes connections dearer, and schedulers, with what they are compared with. */
export const methods: readonly Contender[] = [
  plainRouting(PLAIN),
  way("NAT", { workloads: [...WORKLOADS, "bulk8"] }),
  way("FullNAT", { server: "--fullnat", locals: true }),
  way("NAT, persistent", { service: "-s rr -p 300" }),
  ...["wlc", "sh", "mh", "lblc", "twos"].map(scheduled),
  { ...plainRouting(PLAIN_IPV6, IPV6), workloads: WORKLOADS },
  way("NAT, IPv6", { topology: IPV6, base: PLAIN_IPV6 }),
  { ...plainRouting(PLAIN_DIRECT, DIRECT), workloads: WORKLOADS },
  way("DR", { topology: DIRECT, base: PLAIN_DIRECT, server: "-g" }),
  tunnelled("ipip", ""),
  tunnelled("gue", ` --tun-port ${GUE_PORT}`),
  tunnelled("gre", ""),
];
