/** What is compared. Each scenario has directors of its own. */
import { client4, client6, rip4, rip6, VIP, VIP6, VIPS4 } from "./addresses.ts";
import { randomScenario } from "./random.ts";
import { addService, type Scenario, tcpLives, udpLives } from "./scenario.ts";

const bracketed4 = (n: number) => client4(n);
const bracketed6 = (n: number) => `[${client6(n)}]`;
const servers4 = (count: number, options: (n: number) => string) =>
  Array.from({ length: count }, (_, i) => `-r ${rip4(i + 1)}:80 ${options(i + 1)}`);
const servers6 = (count: number, options: (n: number) => string) =>
  Array.from({ length: count }, (_, i) => `-r [${rip6(i + 1)}]:80 ${options(i + 1)}`);

/** TCP and UDP through one forwarding method. */
function method(name: string, family: 4 | 6, servers: readonly string[], mtu?: number): Scenario {
  return {
    name,
    ...(mtu === undefined ? {} : { mtu }),
    async run(play) {
      const service = family === 4 ? `${VIP}:80` : `[${VIP6}]:80`;
      const client = family === 4 ? bracketed4 : bracketed6;
      addService(play, `-t ${service} -s rr`, servers);
      addService(play, `-u ${service} -s rr`, servers);
      await tcpLives(play, service, client);
      await udpLives(play, service, client);
      await play.compareAll();
    },
  };
}

/** New connections, some of which end, under one scheduler. */
function scheduler(name: string, options: string, servers: readonly string[]): Scenario {
  return {
    name: `scheduler ${name}`,
    async run(play) {
      const service = `${VIP}:80`;
      addService(play, `-t ${service} -s ${options}`, servers);
      const open = [];
      for (let n = 0; n < 24; n++) {
        const connection = await play.open(`${client4(n * 7)}:${3000 + n}`, service).handshake();
        open.push(connection);
        if (n % 3 === 2) await open[n - 1]!.close();
        if (n === 10) play.ipvsadm(`-e -t ${service} ${servers[1]!.replace(/-w \d+/, "")} -w 0`);
        if (n === 16) play.ipvsadm(`-e -t ${service} ${servers[1]!.replace(/-w \d+/, "")} -w 4`);
      }
      await play.compareAll();
    },
  };
}

const WEIGHTS = [3, 2, 1, 5];
const weighted = servers4(4, (n) => `-m -w ${WEIGHTS[n - 1]}`);

export const SCENARIOS: readonly Scenario[] = [
  method(
    "NAT, IPv4",
    4,
    servers4(3, () => "-m"),
  ),
  method(
    "NAT with port mapping, IPv4",
    4,
    servers4(3, () => "-m").map((line) => line.replace(":80", ":8080")),
  ),
  method(
    "DR, IPv4",
    4,
    servers4(3, () => "-g"),
  ),
  method(
    "TUN ipip, IPv4",
    4,
    servers4(3, () => "-i"),
  ),
  method(
    "TUN gue, IPv4",
    4,
    servers4(3, () => "-i --tun-type gue --tun-port 6080"),
  ),
  method(
    "TUN gue with checksum, IPv4",
    4,
    servers4(3, () => "-i --tun-type gue --tun-port 6080 --tun-csum"),
  ),
  method(
    "TUN gue with remote checksum, IPv4",
    4,
    servers4(3, () => "-i --tun-type gue --tun-port 6080 --tun-remcsum"),
  ),
  method(
    "TUN gre, IPv4",
    4,
    servers4(3, () => "-i --tun-type gre"),
  ),
  method(
    "TUN gre with checksum, IPv4",
    4,
    servers4(3, () => "-i --tun-type gre --tun-csum"),
  ),
  method(
    "NAT, IPv6",
    6,
    servers6(3, () => "-m"),
  ),
  method(
    "DR, IPv6",
    6,
    servers6(3, () => "-g"),
  ),
  method(
    "TUN ipip, IPv6",
    6,
    servers6(3, () => "-i"),
  ),
  method(
    "TUN ipip, IPv4 over IPv6",
    4,
    servers6(3, () => "-i"),
  ),
  method(
    "TUN ipip, IPv6 over IPv4",
    6,
    servers4(3, () => "-i"),
  ),
  ...["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "lblc", "lblcr", "sh", "dh", "mh"].map((name) =>
    scheduler(name, name, weighted),
  ),
  scheduler("sh, sh-port", "sh -b sh-port", weighted),
  scheduler("sh, sh-fallback", "sh -b sh-fallback,sh-port", weighted),
  scheduler("mh, mh-port, mh-fallback", "mh -b mh-fallback,mh-port", weighted),
  {
    name: "thresholds",
    async run(play) {
      const service = `${VIP}:80`;
      addService(
        play,
        `-t ${service} -s rr`,
        servers4(2, (n) => `-m -x ${n + 2} -y ${n}`),
      );
      const open = [];
      for (let n = 0; n < 9; n++) open.push(await play.open(`${client4(n)}:3000`, service).handshake());
      play.compareTables();
      for (let n = 0; n < 3; n++) await open[n]!.reset();
      play.compareTables();
      for (let n = 0; n < 5; n++) await play.open(`${client4(n)}:3001`, service).handshake();
      await play.compareAll();
    },
  },
  {
    name: "persistence",
    async run(play) {
      const service = `${VIP}:80`;
      addService(
        play,
        `-t ${service} -s rr -p 100`,
        servers4(3, () => "-m"),
      );
      addService(
        play,
        `-u ${service} -s rr -p 50 -M 255.255.255.252`,
        servers4(3, () => "-m"),
      );
      addService(
        play,
        `-t ${VIPS4[1]}:0 -s wlc -p`,
        servers4(3, () => "-m").map((line) => line.replace(":80", ":0")),
      );
      for (let n = 0; n < 9; n++) {
        const connection = await play.open(`${client4(n >> 1)}:${3000 + n}`, service).handshake();
        if (n % 4 === 0) await connection.close();
        await play.open(`${client4(n)}:3000`, service).ask();
        const any = await play.open(`${client4(n >> 2)}:${4000 + n}`, `${VIPS4[1]}:${1000 + n}`).handshake();
        if (n % 3 === 0) await any.exchange();
      }
      play.ipvsadm(`-e -t ${service} -r ${rip4(1)}:80 -m -w 0`);
      for (let n = 0; n < 6; n++) await play.open(`${client4(n)}:5000`, service).handshake();
      await play.compareAll();
    },
  },
  {
    name: "firewall marks",
    async run(play) {
      for (const port of [80, 443]) {
        play.mark({ family: 4, protocol: "tcp", destination: VIP, port, mark: 7 });
      }
      play.mark({ family: 4, protocol: "udp", destination: VIP, port: 0, mark: 8 });
      play.mark({ family: 6, protocol: "tcp", destination: VIP6, port: 80, mark: 9 });
      addService(
        play,
        "-f 7 -s rr -p 60",
        servers4(3, () => "-m").map((line) => line.replace(":80", ":0")),
      );
      addService(
        play,
        "-f 8 -s wrr",
        servers4(3, (n) => `-g -w ${n}`).map((line) => line.replace(":80", "")),
      );
      addService(
        play,
        "-f 9 -6 -s rr",
        servers6(2, () => "-m"),
      );
      for (let n = 0; n < 6; n++) {
        const web = await play.open(`${client4(n)}:3000`, `${VIP}:80`).handshake();
        await web.exchange();
        await play.open(`${client4(n)}:3001`, `${VIP}:443`).handshake();
        await play.open(`${client4(n)}:3002`, `${VIP}:${50 + n}`).ask();
        await play.open(`[${client6(n)}]:3000`, `[${VIP6}]:80`).handshake();
      }
      await play.compareAll();
    },
  },
  {
    name: "one-packet scheduling",
    async run(play) {
      addService(
        play,
        `-u ${VIP}:53 -s rr -o`,
        servers4(3, () => "-m").map((line) => line.replace(":80", ":53")),
      );
      addService(
        play,
        `-u ${VIPS4[1]}:53 -s rr -o`,
        servers4(3, () => "-g").map((line) => line.replace(":80", ":53")),
      );
      for (let n = 0; n < 7; n++) {
        const flow = play.open(`${client4(n >> 1)}:5353`, `${VIP}:53`);
        await flow.ask();
        await flow.answer();
        await play.open(`${client4(n >> 1)}:5353`, `${VIPS4[1]}:53`).ask();
      }
      await play.compareAll();
    },
  },
  {
    name: "servers come and go under connections",
    async run(play) {
      const service = `${VIP}:80`;
      addService(play, `-t ${service} -s wrr`, weighted);
      const open = [];
      for (let n = 0; n < 8; n++) open.push(await play.open(`${client4(n)}:3000`, service).handshake());
      play.ipvsadm(`-d -t ${service} -r ${rip4(1)}:80`);
      for (const connection of open) await connection.exchange();
      for (let n = 8; n < 12; n++) await play.open(`${client4(n)}:3000`, service).handshake();
      play.compareTables();
      play.ipvsadm(`-a -t ${service} -r ${rip4(1)}:80 -m -w 2`);
      for (const connection of open) await connection.exchange();
      for (let n = 12; n < 16; n++) await play.open(`${client4(n)}:3000`, service).handshake();
      play.ipvsadm(`-E -t ${service} -s lc`);
      for (let n = 16; n < 20; n++) await play.open(`${client4(n)}:3000`, service).handshake();
      for (const connection of open) await connection.close();
      await play.compareAll();
    },
  },
  ...[4, 6].map((family): Scenario => {
    const [client, first, second, servers] =
      family === 4
        ? [client4(1), `${VIP}:80`, `${VIPS4[1]}:80`, servers4(1, () => "-m")]
        : [`[${client6(1)}]`, `[${VIP6}]:80`, `[${VIP6}]:81`, servers6(1, () => "-m")];
    return {
      name: `one client's port and one server under two services, IPv${family}`,
      async run(play) {
        play.ipvsadm("--set 0 0 10");
        for (const service of [first, second]) {
          addService(play, `-u ${service} -s rr`, servers);
          addService(play, `-t ${service} -s rr`, servers);
        }
        const tcp = [await play.open(`${client}:3000`, first).handshake()];
        tcp.push(await play.open(`${client}:3000`, second).handshake());
        for (const connection of tcp) await connection.exchange();
        await tcp[1]!.reset();
        const flows = [first, second].map((service) => play.open(`${client}:2000`, service));
        for (const flow of flows) {
          await flow.ask();
          await flow.answer();
        }
        play.compareTables();
        for (let n = 0; n < 4; n++) {
          await play.wait(4);
          await flows[0]!.ask();
          if (n !== 1) await flows[0]!.answer();
        }
        await play.compareAll();
      },
    };
  }),
  {
    name: "persistence of all ports, with servers that have one",
    async run(play) {
      play.mark({ family: 4, protocol: "tcp", destination: VIP, port: 0, mark: 7 });
      play.mark({ family: 4, protocol: "udp", destination: VIP, port: 0, mark: 8 });
      const mapped = servers4(2, () => "-m").map((line) => line.replace(":80", ":8080"));
      addService(play, "-f 7 -s rr -p 60", mapped);
      addService(play, "-f 8 -s rr", mapped);
      addService(play, `-t ${VIPS4[1]}:0 -s rr -p 60`, mapped);
      addService(play, `-t ${VIPS4[1]}:443 -s rr -p 60`, mapped);
      for (const port of [80, 443, 8080]) {
        await play.open(`${client4(1)}:3000`, `${VIP}:${port}`).handshake();
        await play.open(`${client4(2)}:3000`, `${VIP}:${port}`).ask();
        await play.open(`${client4(3)}:3000`, `${VIPS4[1]}:${port}`).handshake();
      }
      await play.compareAll();
    },
  },
  {
    name: "persistent services for FTP, and their data connections",
    async run(play) {
      for (const [vip, method, options] of [
        [VIP, "-g", "-p 60"],
        [VIPS4[1]!, "-m", "-p 60"],
        [VIPS4[2]!, "-g", ""],
      ] as const) {
        const service = `${vip}:21`;
        addService(
          play,
          `-t ${service} -s rr ${options}`,
          servers4(3, () => method).map((line) => line.replace(":80", ":21")),
        );
        addService(
          play,
          `-t ${vip}:8080 -s rr`,
          servers4(1, () => method),
        );
        for (let n = 0; n < 4; n++) {
          await play.open(`${client4(n)}:3000`, service).handshake();
          for (const port of [20, 22, 1023, 1024, 8080, 40000])
            await play.open(`${client4(n)}:${3001 + n}`, `${vip}:${port}`).handshake();
        }
      }
      await play.compareAll();
    },
  },
  {
    name: "what proves a template",
    async run(play) {
      const service = `${VIP}:80`;
      for (const protocol of ["-t", "-u"])
        addService(
          play,
          `${protocol} ${service} -s rr -p 60`,
          servers4(2, () => "-m"),
        );
      addService(
        play,
        `-t ${VIPS4[1]}:80 -s rr -p 60`,
        servers4(2, () => "-g"),
      );
      addService(
        play,
        `-u ${VIPS4[1]}:80 -s rr -p 60`,
        servers4(2, () => "-g"),
      );
      const half = play.open(`${client4(1)}:3000`, service);
      await half.fromClient("S");
      play.compareTables();
      await half.fromServer("SA");
      play.compareTables();
      await half.fromClient("A");
      play.compareTables();
      const refused = play.open(`${client4(2)}:3000`, service);
      await refused.fromClient("S");
      await refused.fromServer("RA");
      const flow = play.open(`${client4(3)}:3000`, service);
      await flow.ask();
      play.compareTables();
      await flow.answer();
      await play.open(`${client4(4)}:3000`, `${VIPS4[1]}:80`).fromClient("S");
      const open = play.open(`${client4(5)}:3000`, `${VIPS4[1]}:80`);
      await open.fromClient("S");
      await open.fromClient("A");
      await play.open(`${client4(6)}:3000`, `${VIPS4[1]}:80`).ask();
      await play.compareAll();
    },
  },
  {
    name: "a persistent client's port used again",
    async run(play) {
      const service = `${VIP}:80`;
      addService(
        play,
        `-t ${service} -s rr -p 60`,
        servers4(3, () => "-m"),
      );
      for (let n = 0; n < 3; n++) await (await play.open(`${client4(n)}:3000`, service).handshake()).close();
      await play.compareAll();
      await play.open(`${client4(0)}:3000`, service).handshake();
      await play.compareAll();
      play.sysctl("expire_quiescent_template", 1);
      for (const n of [1, 2, 3]) play.ipvsadm(`-e -t ${service} -r ${rip4(n)}:80 -m -w ${n === 1 ? 1 : 0}`);
      for (let n = 1; n < 3; n++) await play.open(`${client4(n)}:3000`, service).handshake();
      await play.compareAll();
    },
  },
  ...[0, 1].map(
    (sloppy): Scenario => ({
      name: `connections to removed servers end by expire_nodest_conn, sloppy_tcp ${sloppy}`,
      async run(play) {
        play.sysctl("expire_nodest_conn", 1);
        play.sysctl("sloppy_tcp", sloppy);
        const service = `${VIP}:80`;
        for (const protocol of ["-t", "-u"])
          addService(
            play,
            `${protocol} ${service} -s rr`,
            servers4(2, () => "-m"),
          );
        const flows = [0, 1].map((n) => play.open(`${client4(n)}:2000`, service));
        for (const flow of flows) await flow.ask();
        const open = [];
        for (let n = 0; n < 2; n++) open.push(await play.open(`${client4(n)}:3000`, service).handshake());
        for (const protocol of ["-t", "-u"]) play.ipvsadm(`-d ${protocol} ${service} -r ${rip4(1)}:80`);
        play.compareTables();
        for (const flow of flows) {
          await flow.answer();
          await flow.ask();
          await flow.answer();
        }
        for (const connection of open) await connection.exchange();
        play.compareTables();
        for (const connection of open) await connection.fromClient("S");
        await play.compareAll();
      },
    }),
  ),
  randomScenario({ seed: 1, steps: 240, families: [4] }),
  randomScenario({ seed: 1, steps: 240, families: [6] }),
  randomScenario({ seed: 1, steps: 240 }),
  randomScenario({ seed: 2, steps: 240 }),
  ...[3, 4, 5, 6, 7, 8].map((seed) =>
    randomScenario({ seed, steps: 240, everyKind: true, families: [seed % 2 === 0 ? 6 : 4] }),
  ),
];
