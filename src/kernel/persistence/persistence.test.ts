import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { parseIpPacket } from "../../net/index.ts";
import { SYSCTL_EXPIRE_QUIESCENT_TEMPLATE } from "../sysctls.ts";
import { settings } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, tcpFrame, udpFrame } from "../testing/frames.ts";

const VIRTUAL = "192.0.2.1:80";

function directorWith(...commands: readonly string[]): TestDirector {
  const director = new TestDirector();
  for (const command of commands) runCommand(director.configuration, `ipvsadm ${command}`.split(" "));
  return director;
}

const PERSISTENT = [
  `-A -t ${VIRTUAL} -s rr -p 100`,
  `-a -t ${VIRTUAL} -r 10.0.0.1 -m`,
  `-a -t ${VIRTUAL} -r 10.0.0.2 -m`,
];

/** Opens a connection; answers the server's address. */
function open(director: TestDirector, from: string, to: string, mark = 0): string {
  const { verdict, packet } = director.receive(tcpFrame("client", from, to, "S"), {
    ifindex: interfaceOf("client"),
    mark,
  });
  assert.equal(verdict, TC_REDIRECT, `${from} → ${to}`);
  const server = parseIpPacket(packet.bytes.subarray(14)).destination.join(".");
  const { transport } = parseIpPacket(packet.bytes.subarray(14));
  assert.ok(transport.kind === "tcp");
  for (const [side, source, target, flags] of [
    ["server", `${server}:${transport.destinationPort}`, from, "SA"],
    ["client", from, to, "A"],
  ] as const) {
    director.receive(tcpFrame(side, source, target, flags), { ifindex: interfaceOf(side), mark });
  }
  return server;
}

/** Ends a connection by a reset of the client. */
function reset(director: TestDirector, from: string, to: string): void {
  director.receive(tcpFrame("client", from, to, "R"), { ifindex: interfaceOf("client") });
}

function templates(director: TestDirector): string[] {
  return director
    .connections()
    .filter((each) => each.source.endsWith(":0"))
    .map((each) => `${each.state} ${each.source} ${each.virtual} ${each.destination}`);
}

describe("a persistent service", () => {
  test("sends a client to one server, and says so in a template", () => {
    const director = directorWith(...PERSISTENT);
    const first = open(director, "198.18.0.1:1000", VIRTUAL);
    for (let port = 1001; port < 1006; port++) {
      assert.equal(open(director, `198.18.0.1:${port}`, VIRTUAL), first);
    }
    assert.notEqual(open(director, "198.18.0.2:1000", VIRTUAL), first);
    assert.deepEqual(templates(director).slice(0, 1), [`ASSURED 198.18.0.1:0 ${VIRTUAL} ${first}:80`]);
    const [slot] = [...director.configuration.serversOf("tcp", VIRTUAL).entries()]
      .filter(([endpoint]) => endpoint.startsWith(first))
      .map(([, each]) => each);
    assert.equal(director.templatesOf(slot!), 1);
  });

  test("keeps to a server of weight 0, unless expire_quiescent_template is set", () => {
    const director = directorWith(...PERSISTENT);
    const first = open(director, "198.18.0.1:1000", VIRTUAL);
    runCommand(director.configuration, `ipvsadm -e -t ${VIRTUAL} -r ${first} -m -w 0`.split(" "));
    assert.equal(open(director, "198.18.0.1:1001", VIRTUAL), first);
    director.machine.run(() => {
      settings.at(0).sysctls[SYSCTL_EXPIRE_QUIESCENT_TEMPLATE] = 1;
    });
    const second = open(director, "198.18.0.1:1002", VIRTUAL);
    assert.notEqual(second, first);
    assert.deepEqual(templates(director), [`ASSURED 198.18.0.1:0 ${VIRTUAL} ${second}:80`]);
  });

  test("chooses again when the server is gone", () => {
    const director = directorWith(...PERSISTENT);
    const first = open(director, "198.18.0.1:1000", VIRTUAL);
    runCommand(director.configuration, `ipvsadm -d -t ${VIRTUAL} -r ${first}`.split(" "));
    assert.notEqual(open(director, "198.18.0.1:1001", VIRTUAL), first);
  });

  test("forgets a client after its time, counted from the last connection", () => {
    const director = directorWith(...PERSISTENT);
    open(director, "198.18.0.1:1000", VIRTUAL);
    reset(director, "198.18.0.1:1000", VIRTUAL);
    director.wait(60);
    open(director, "198.18.0.1:1001", VIRTUAL);
    reset(director, "198.18.0.1:1001", VIRTUAL);
    director.wait(90);
    assert.equal(templates(director).length, 1);
    director.wait(15);
    assert.deepEqual(director.connections(), []);
    assert.equal(director.flowWords(), 0);
  });

  test("remembers a client as long as it has connections", () => {
    const director = directorWith(...PERSISTENT);
    const first = open(director, "198.18.0.1:1000", VIRTUAL);
    director.wait(400);
    assert.equal(open(director, "198.18.0.1:1001", VIRTUAL), first);
    assert.equal(templates(director).length, 1);
  });

  test("takes a network for a client under a mask", () => {
    const director = directorWith(`-A -t ${VIRTUAL} -s rr -p 100 -M 255.255.255.0`, ...PERSISTENT.slice(1));
    const first = open(director, "198.18.0.1:1000", VIRTUAL);
    assert.equal(open(director, "198.18.0.77:1000", VIRTUAL), first);
    assert.notEqual(open(director, "198.18.1.1:1000", VIRTUAL), first);
    assert.deepEqual(templates(director).length, 2);
    assert.ok(templates(director)[0]!.includes("198.18.0.0:0"));
  });

  test("on every port sends a client's connections to all ports to one server", () => {
    const director = directorWith(
      "-A -t 192.0.2.1:0 -s rr -p 100",
      "-a -t 192.0.2.1:0 -r 10.0.0.1 -m",
      "-a -t 192.0.2.1:0 -r 10.0.0.2 -m",
    );
    const first = open(director, "198.18.0.1:1000", "192.0.2.1:80");
    for (const port of [22, 443, 65535])
      assert.equal(open(director, "198.18.0.1:1000", `192.0.2.1:${port}`), first);
    assert.deepEqual(templates(director), [`ASSURED 198.18.0.1:0 192.0.2.1:0 ${first}:0`]);
  });
});

/** Seen with Linux 6.1. */
describe("a server's own port", () => {
  const openedAt = (director: TestDirector, to: string, mark = 0): string => {
    open(director, "198.18.0.1:1000", to, mark);
    return director
      .connections()
      .filter(({ virtual, state }) => virtual === to && state !== "ASSURED")
      .map(({ destination }) => destination.split(":")[1]!)
      .join();
  };

  test("counts for a persistent service of one port", () => {
    const director = directorWith(PERSISTENT[0]!, `-a -t ${VIRTUAL} -r 10.0.0.1:8080 -m`);
    assert.equal(openedAt(director, VIRTUAL), "8080");
  });

  for (const [name, service] of [
    ["of every port", "-t 192.0.2.1:0"],
    ["by mark", "-f 5"],
  ]) {
    test(`does not for a persistent service ${name}: ports stay apart`, () => {
      const director = directorWith(`-A ${service} -s rr -p 100`, `-a ${service} -r 10.0.0.1:8080 -m`);
      for (const port of ["80", "443"]) assert.equal(openedAt(director, `192.0.2.1:${port}`, 5), port);
    });
  }

  test("does not for single datagrams of a persistent service of every port either", () => {
    for (const [persistence, port] of [
      [" -p 100", 53],
      ["", 8080],
    ] as const) {
      const director = directorWith(`-A -f 5 -s rr -o${persistence}`, "-a -f 5 -r 10.0.0.1:8080 -m");
      const { packet } = director.receive(udpFrame("client", "198.18.0.1:1000", "192.0.2.1:53"), {
        ifindex: interfaceOf("client"),
        mark: 5,
      });
      const { transport } = parseIpPacket(packet.bytes.subarray(14));
      assert.equal(transport.kind === "udp" && transport.destinationPort, port);
    }
  });

  test("counts for a service by mark that is not persistent", () => {
    const director = directorWith("-A -f 5 -s rr", "-a -f 5 -r 10.0.0.1:8080 -m");
    assert.equal(openedAt(director, "192.0.2.1:443", 5), "8080");
  });
});

/** Seen with Linux 6.1. */
describe("a persistent service for FTP", () => {
  const FTP = [
    "-A -t 192.0.2.1:21 -s rr -p 100",
    "-a -t 192.0.2.1:21 -r 10.0.0.1 -m",
    "-a -t 192.0.2.1:21 -r 10.0.0.2 -m",
  ];
  const isTaken = (director: TestDirector, port: number) =>
    director.receive(tcpFrame("client", "198.18.0.9:1000", `192.0.2.1:${port}`, "S"), {
      ifindex: interfaceOf("client"),
    }).verdict === TC_REDIRECT;

  test("has its clients' data connections, which go to their server", () => {
    for (const client of ["198.18.0.1", "198.18.0.2"]) {
      const director = directorWith(...FTP);
      const first = open(director, `${client}:1000`, "192.0.2.1:21");
      for (const port of [20, 1024, 30000])
        assert.equal(open(director, `${client}:1001`, `192.0.2.1:${port}`), first);
      assert.deepEqual(templates(director), [`ASSURED ${client}:0 192.0.2.1:0 ${first}:0`]);
    }
  });

  test("maps its own port, and no other", () => {
    const director = directorWith(FTP[0]!, "-a -t 192.0.2.1:21 -r 10.0.0.1:2121 -m");
    open(director, "198.18.0.1:1000", "192.0.2.1:21");
    open(director, "198.18.0.1:1001", "192.0.2.1:5000");
    const found = director.connections().map(({ destination }) => destination);
    assert.deepEqual(found.sort(), ["10.0.0.1:0", "10.0.0.1:2121", "10.0.0.1:5000"]);
  });

  test("leaves other ports alone, and those of other services to them", () => {
    const director = directorWith(
      ...FTP,
      "-A -t 192.0.2.1:8080 -s rr",
      "-a -t 192.0.2.1:8080 -r 10.0.0.3 -m",
    );
    for (const port of [22, 1023]) assert.ok(!isTaken(director, port), `${port}`);
    assert.equal(open(director, "198.18.0.1:1000", "192.0.2.1:8080"), "10.0.0.3");
  });

  test("is the only one that has them", () => {
    const director = directorWith(FTP[0]!.replace(" -p 100", ""), ...FTP.slice(1));
    assert.ok(isTaken(director, 21));
    assert.ok(!isTaken(director, 30000));
  });
});

/** Seen with Linux 6.1. */
describe("a template is proved right", () => {
  const send = (director: TestDirector, bytes: Uint8Array, side: "client" | "server") =>
    director.receive(bytes, { ifindex: interfaceOf(side) });
  const state = (director: TestDirector) => templates(director).map((each) => each.split(" ")[0]);
  const [CLIENT, SERVER] = ["198.18.0.1:1000", "10.0.0.1:80"];

  test("by an established connection, not by a server's first answer", () => {
    for (const [answer, after] of [
      ["SA", "ASSURED"],
      ["RA", "NONE"],
    ] as const) {
      const director = directorWith(...PERSISTENT.slice(0, 2));
      send(director, tcpFrame("client", CLIENT, VIRTUAL, "S"), "client");
      assert.deepEqual(state(director), ["NONE"]);
      send(director, tcpFrame("server", SERVER, CLIENT, answer), "server");
      assert.deepEqual(state(director), ["NONE"]);
      send(director, tcpFrame("client", CLIENT, VIRTUAL, "A"), "client");
      assert.deepEqual(state(director), [after]);
    }
  });

  test("by an answer to a datagram", () => {
    const director = directorWith(`-A -u ${VIRTUAL} -s rr -p 100`, `-a -u ${VIRTUAL} -r 10.0.0.1 -m`);
    send(director, udpFrame("client", CLIENT, VIRTUAL), "client");
    assert.deepEqual(state(director), ["NONE"]);
    send(director, udpFrame("server", SERVER, CLIENT), "server");
    assert.deepEqual(state(director), ["ASSURED"]);
  });
});

test("a persistent client's connection that is over goes on when its port is used again", () => {
  const director = directorWith(...PERSISTENT);
  for (let i = 0; i < 2; i++) {
    open(director, "198.18.0.1:1000", VIRTUAL);
    reset(director, "198.18.0.1:1000", VIRTUAL);
  }
  const slots = [...director.configuration.serversOf("tcp", VIRTUAL).values()];
  assert.equal(
    slots.map((slot) => director.counters(slot).connections).reduce((sum, each) => sum + each),
    1,
  );
});

describe("a service by firewall mark", () => {
  const MARKED = ["-A -f 5 -s rr -p 100", "-a -f 5 -r 10.0.0.1:0 -m", "-a -f 5 -r 10.0.0.2:0 -m"];

  test("takes packets with its mark whatever their address and port, before services by address", () => {
    const director = directorWith(...MARKED, ...PERSISTENT);
    const first = open(director, "198.18.0.1:1000", "192.0.2.1:80", 5);
    assert.equal(open(director, "198.18.0.1:1000", "192.0.2.9:8080", 5), first);
    assert.deepEqual(templates(director), [`ASSURED 198.18.0.1:0 0.0.0.5:0 ${first}:0`]);
  });

  test("leaves packets without the mark alone", () => {
    const director = directorWith(...MARKED);
    for (const mark of [0, 6]) {
      const { verdict } = director.receive(tcpFrame("client", "198.18.0.1:1", VIRTUAL, "S"), {
        ifindex: interfaceOf("client"),
        mark,
      });
      assert.equal(verdict, 0xffffffff);
    }
  });
});

test("one-packet scheduling: each datagram is scheduled anew, and leaves no connection", () => {
  const director = directorWith(
    "-A -u 192.0.2.1:53 -s rr -o",
    "-a -u 192.0.2.1:53 -r 10.0.0.1 -m",
    "-a -u 192.0.2.1:53 -r 10.0.0.2 -m",
  );
  const servers = Array.from({ length: 4 }, () => {
    const { packet } = director.receive(udpFrame("client", "198.18.0.1:1000", "192.0.2.1:53"), {
      ifindex: interfaceOf("client"),
    });
    return parseIpPacket(packet.bytes.subarray(14)).destination.join(".");
  });
  assert.deepEqual(servers, ["10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1"]);
  assert.deepEqual(director.connections(), []);
  const slots = [...director.configuration.serversOf("udp", "192.0.2.1:53").values()];
  assert.deepEqual(
    slots.map((slot) => director.counters(slot).connections),
    [2, 2],
  );
});
