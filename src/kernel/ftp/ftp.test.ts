import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { optionsOf } from "../forward/client-address/testing/dialogue.ts";
import { SYSCTL_SLOPPY_TCP } from "../sysctls.ts";
import { connectionTable, STATE_ENDED, STATE_HELPED, settings } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, tcpFrame } from "../testing/frames.ts";
import { FTP_FAMILIES, FtpSession, withPort } from "./testing/session.ts";

const [IPV4, IPV6] = FTP_FAMILIES as [(typeof FTP_FAMILIES)[0], (typeof FTP_FAMILIES)[0]];

/** What the server says of the port 51200 (200 · 256), and what the client is to read. */
const PASSIVE = {
  4: [
    "PASV\r\n",
    "227 Entering Passive Mode (10,0,0,1,200,0).\r\n",
    "227 Entering Passive Mode (192,0,2,1,200,0).\r\n",
  ],
  6: ["EPSV\r\n", "229 Entering Extended Passive Mode (|||51200|)\r\n", undefined],
} as const;

for (const family of FTP_FAMILIES) {
  const { client, virtual, server } = family;
  const [command, said, read = said] = PASSIVE[family.version];

  describe(`passive, ${family.name}`, () => {
    test("the client's data connection goes to the server's port", () => {
      const session = new FtpSession(family);
      session.say(command);
      assert.equal(session.answer(said), read);
      assert.equal(session.acknowledge(), session.serverNext);
      assert.deepEqual(session.others(), [
        `LISTEN ${withPort(client, 0)} ${withPort(virtual, 51200)} ${withPort(server, 51200)}`,
      ]);
      const from = withPort(client, 4444);
      const there = `${from} > ${withPort(server, 51200)}`;
      assert.equal(session.data("client", from, withPort(virtual, 51200), "S"), there);
      assert.equal(
        session.data("server", withPort(server, 51200), from, "SA"),
        `${withPort(virtual, 51200)} > ${from}`,
      );
      assert.equal(session.data("client", from, withPort(virtual, 51200), "A"), there);
      assert.deepEqual(session.others(), [
        `ESTABLISHED ${from} ${withPort(virtual, 51200)} ${withPort(server, 51200)}`,
      ]);
      // It was for one connection.
      assert.equal(session.data("client", withPort(client, 4445), withPort(virtual, 51200), "S"), undefined);
    });

    test("nothing is expected of a server that was not asked, or for another client", () => {
      const session = new FtpSession(family);
      assert.equal(session.answer(said), said);
      assert.deepEqual(session.others(), []);
      session.say(command);
      session.answer(said);
      const other = client.replace("1:", "2:").replace("18.0.1", "18.0.2").replace("::1]", "::2]");
      assert.notEqual(other, client);
      assert.equal(session.data("client", withPort(other, 4444), withPort(virtual, 51200), "S"), undefined);
    });

    test("ends with its time, or when the next one is announced", () => {
      const session = new FtpSession(family);
      session.say(command);
      session.answer(said);
      session.say(command);
      assert.equal(session.others().length, 1);
      session.answer(said.replace("200,0", "200,1").replace("51200", "51201"));
      assert.deepEqual(session.others(), [
        `LISTEN ${withPort(client, 0)} ${withPort(virtual, 51201)} ${withPort(server, 51201)}`,
      ]);
      assert.equal(session.data("client", withPort(client, 4444), withPort(virtual, 51200), "S"), undefined);
      session.director.wait(125);
      assert.deepEqual(session.others(), []);
      assert.equal(session.data("client", withPort(client, 4444), withPort(virtual, 51201), "S"), undefined);
      session.director.wait(1000);
      assert.deepEqual(session.director.connections(), []);
      assert.equal(session.director.flowWords(), 0);
    });

    test("the control connection lives as long as its data connection", () => {
      const session = new FtpSession(family);
      session.say(command);
      session.answer(said);
      const from = withPort(client, 4444);
      const to = withPort(virtual, 51200);
      session.data("client", from, to, "S");
      session.data("server", withPort(server, 51200), from, "SA");
      for (let i = 0; i < 4; i++) {
        assert.notEqual(session.data("client", from, to, "A"), undefined);
        session.director.wait(600);
      }
      assert.equal(session.director.connections().length, 2);
      session.data("client", from, to, "R");
      session.director.wait(100);
      assert.equal(session.director.connections().length, 0);
    });
  });

  describe(`active, ${family.name}`, () => {
    const address = family.version === 4 ? "198.18.0.1" : "2001:db8:1::1";
    const extended = `EPRT |${family.version === 4 ? 1 : 2}|${address}|1025|\r\n`;
    const commands =
      family.version === 4 ? [extended, "PORT 198,18,0,1,4,1\r\n", "port 198,18,0,1,4,1\r\n"] : [extended];
    for (const command of commands) {
      test(`the server's data connection comes from the virtual service: ${command.trim()}`, () => {
        const session = new FtpSession(family);
        session.say(command);
        const to = withPort(client, 1025);
        const waiting = `LISTEN ${to} ${withPort(virtual, 20)} ${withPort(server, 2120)}`;
        assert.deepEqual(session.others(), [waiting]);
        assert.equal(
          session.data("server", withPort(server, 2120), to, "S"),
          `${withPort(virtual, 20)} > ${to}`,
        );
        assert.equal(
          session.data("client", to, withPort(virtual, 20), "SA"),
          `${to} > ${withPort(server, 2120)}`,
        );
        session.data("server", withPort(server, 2120), to, "A");
        assert.deepEqual(session.others(), [waiting.replace("LISTEN", "ESTABLISHED")]);
        // Sent again, it disturbs nothing.
        session.say(command);
        assert.deepEqual(session.others(), [waiting.replace("LISTEN", "ESTABLISHED")]);
        session.data("client", to, withPort(virtual, 20), "R");
        session.say(command);
        assert.deepEqual(session.others(), [waiting]);
      });
    }

    const foreign = family.version === 4 ? "198.18.0.2" : "2001:db8:1::2";
    for (const line of [
      `EPRT |${family.version === 4 ? 1 : 2}|${foreign}|1025|`,
      `EPRT |${family.version === 4 ? 1 : 2}|${address}|0|`,
      `EPRT |${family.version === 4 ? 1 : 2}|${address}|65536|`,
      `EPRT |${family.version === 4 ? 1 : 2}|${address}|1025`,
      `EPRT |${family.version === 4 ? 1 : 2}|${address}1|1025|`,
      `EPRT |${family.version === 4 ? 2 : 1}|${address}|1025|`,
      `EPRT |3|${address}|1025|`,
      `EPRT ${address}|1025|`,
      "EPRT |1|1.2.3.4.5|1025|",
      "EPRT |2|::1::|1025|",
      "EPRT |2|1:2:3:4:5:6:7:8:9|1025|",
      `XEPRT |1|${address}|1025|`,
      "PORT 198,18,0,2,4,1",
      "PORT 198,18,0,1,4",
      "PORT 198,18,0,1,0,0",
      "PORT 198,18,0,1,256,1",
      "PORT 198,18,0,1,4,1,1",
      "PORT 198,18,0,1,0004,1",
      "PORT 198,18,0,1,4,1 x",
      "PORT 198.18.0.1,4,1",
      "PORT ,18,0,1,4,1",
      `PORT ${"9".repeat(400)}`,
      `${"1,".repeat(300)}`,
    ]) {
      test(`is not followed: ${line.slice(0, 50)}`, () => {
        const session = new FtpSession(family);
        session.say(`${line}\r\n`);
        assert.deepEqual(session.others(), []);
        session.say(`NOOP\r\n`);
      });
    }

    test("is not followed if the line is in two segments", () => {
      const session = new FtpSession(family);
      session.say(extended.slice(0, 12));
      session.say(extended.slice(12));
      assert.deepEqual(session.others(), []);
    });

    test("behind another command in one segment", () => {
      const session = new FtpSession(family);
      session.say(`TYPE I\r\n${extended}RETR x\r\n`);
      assert.equal(session.others().length, 1);
    });
  });
}

test("IPv6 addresses in all their spellings", () => {
  for (const spelling of [
    "2001:db8:1:0:0:0:0:1",
    "2001:0DB8:0001::0001",
    "2001:db8:1:0::1",
    "2001:db8:1:0:0::0:1",
  ]) {
    const session = new FtpSession(IPV6);
    session.say(`EPRT |2|${spelling}|1025|\r\n`);
    assert.equal(session.others().length, 1, spelling);
  }
});

describe("answers as servers spell them", () => {
  for (const [said, read] of [
    ["227 Entering Passive Mode (10,0,0,1,200,0)\r\n", "227 Entering Passive Mode (192,0,2,1,200,0)\r\n"],
    ["227 Entering Passive Mode. 10,0,0,1,200,0\r\n", "227 Entering Passive Mode. 192,0,2,1,200,0\r\n"],
    ["227 =10,0,0,1,200,0\r\n", "227 =192,0,2,1,200,0\r\n"],
    ["227 10,0,0,1,200,0\n", "227 192,0,2,1,200,0\n"],
    ["227 Mode 2 (10,0,0,1,200,0)\r\n", "227 Mode 2 (192,0,2,1,200,0)\r\n"],
    ["200 ok\r\n227 (10,0,0,1,200,0)\r\n", "200 ok\r\n227 (192,0,2,1,200,0)\r\n"],
    ["227-Hello\r\n227 (10,0,0,1,200,0)\r\n", "227-Hello\r\n227 (192,0,2,1,200,0)\r\n"],
    // One that knows its clients' address already.
    ["227 (192,0,2,1,200,0)\r\n", "227 (192,0,2,1,200,0)\r\n"],
    ["229 Extended (!!!51200!)\r\n", "229 Extended (!!!51200!)\r\n"],
  ] as const) {
    test(`followed: ${said.trim()}`, () => {
      const session = new FtpSession(IPV4);
      session.say("PASV\r\n");
      assert.equal(session.answer(said), read);
      assert.deepEqual(session.others(), ["LISTEN 198.18.0.1:0 192.0.2.1:51200 10.0.0.1:51200"]);
    });
  }

  for (const said of [
    "227 Entering Passive Mode (10,0,0,2,200,0)\r\n",
    "227 Entering Passive Mode (10,0,0,1,3,255)\r\n",
    "227 Entering Passive Mode (10,0,0,1,256,0)\r\n",
    "227 Entering Passive Mode (10,0,0,1,200)\r\n",
    "227 Entering Passive Mode (10,0,0,1,200,0,0)\r\n",
    "227 Entering Passive Mode (10,0,0,1,200,0",
    "227 Entering Passive Mode (0010,0,0,1,200,0)\r\n",
    "227 Entering Passive Mode (10,0,0,,1,200,0)\r\n",
    "227 Entering Passive Mode (-10,0,0.1,200,0)\r\n",
    "227-Entering Passive Mode (10,0,0,1,200,0)\r\n",
    "2270 (10,0,0,1,200,0)\r\n",
    "228 (10,0,0,1,200,0)\r\n",
    "229 Extended (|||99999|)\r\n",
    "229 Extended (|||51200)\r\n",
    "229 Extended (|||21|)\r\n",
    "229 Extended (||51200|)\r\n",
    "229 Extended (1115120011)\r\n",
    "229 Extended |||51200|\r\n",
    `227 ${"(".repeat(300)}10,0,0,1,200,0\r\n`.padEnd(600, "x").replace("10,0", "x".repeat(220)),
  ]) {
    test(`left alone: ${said.slice(0, 60).trim()}`, () => {
      const session = new FtpSession(IPV4);
      session.say("PASV\r\n");
      assert.equal(session.answer(said), said);
      assert.deepEqual(session.others(), []);
      assert.equal(session.answer("200 ok\r\n"), "200 ok\r\n");
    });
  }
});

test("the client's SYN keeps plain options, and asks for segments that leave room", () => {
  const session = new FtpSession(IPV4);
  const [syn] = session.dialogue.client("S", {
    sequence: 5000,
    options: Uint8Array.from(Buffer.from("020405b40402080a000000070000000001030307", "hex")),
  });
  assert.deepEqual(
    optionsOf(syn).map(({ kind }) => kind),
    ["mss", "timestamps", "windowScale"],
  );
  assert.deepEqual(optionsOf(syn)[0], { kind: "mss", size: 1448 });
});

test("many answers, each of another length, one after the other", () => {
  for (const family of [IPV4]) {
    const session = new FtpSession(family);
    for (let i = 0; i < 40; i++) {
      session.say("PASV\r\n", { partial: i % 2 === 0 });
      const port = 1024 + 1601 * i;
      const ports = `${port >> 8},${port & 255}`;
      const tail = " ".repeat(i % 3);
      const read = session.answer(`227 Passive (10,0,0,1,${ports})${tail}\r\n`, { partial: i % 4 < 2 });
      assert.equal(read, `227 Passive (192,0,2,1,${ports})${tail}\r\n`);
      assert.equal(
        session.answer(`150 Here it comes ${"x".repeat(i)}\r\n`),
        `150 Here it comes ${"x".repeat(i)}\r\n`,
      );
      assert.equal(session.acknowledge(), session.serverNext);
    }
  }
});

test("an answer that needs an edit waits for the one before to be acknowledged", () => {
  const session = new FtpSession(IPV4);
  session.say("PASV\r\nPASV\r\n");
  session.answer("227 (10,0,0,1,200,0)\r\n");
  const numbers = { sequence: session.clientNext, acknowledgement: 901 };
  session.dialogue.client("PA", { ...numbers, payload: Buffer.from("PASV\r\n") });
  session.clientNext += 6;
  assert.equal(session.answer("227 (10,0,0,1,201,0)\r\n"), "");
  session.acknowledge();
  assert.equal(session.answer("227 (10,0,0,1,201,0)\r\n"), "227 (192,0,2,1,201,0)\r\n");
  assert.equal(session.acknowledge(), session.serverNext);
});

test("an acknowledgement that comes late holds up no answer", () => {
  for (const late of [901, 923]) {
    const session = new FtpSession(IPV4);
    session.say("PASV\r\n");
    session.answer("227 (10,0,0,1,200,0)\r\n");
    assert.equal(session.readNext, 924);
    assert.equal(session.acknowledge(), session.serverNext);
    session.say("PASV\r\n");
    session.dialogue.client("A", { sequence: session.clientNext - 6, acknowledgement: late });
    assert.equal(session.answer("227 (10,0,0,1,201,0)\r\n"), "227 (192,0,2,1,201,0)\r\n");
    assert.equal(session.acknowledge(), session.serverNext);
  }
});

test("an acknowledgement of what was never sent does not hold for what is sent later", () => {
  const session = new FtpSession(IPV4);
  const forge = (ahead: number) =>
    session.dialogue.client("A", {
      sequence: session.clientNext,
      acknowledgement: session.readNext + ahead,
    });
  forge(0x10000);
  session.say("PASV\r\n");
  session.answer("227 (10,0,0,1,200,0)\r\n");
  session.acknowledge();
  forge(0x10000);
  session.say("PASV\r\nPASV\r\n");
  session.answer("227 (10,0,0,1,201,0)\r\n");
  // The client has not read that one.
  const numbers = { sequence: session.clientNext, acknowledgement: session.readNext - 23 };
  session.dialogue.client("PA", { ...numbers, payload: Buffer.from("PASV\r\n") });
  session.clientNext += 6;
  assert.equal(session.answer("227 (10,0,0,1,202,0)\r\n"), "");
  session.acknowledge();
  assert.equal(session.answer("227 (10,0,0,1,202,0)\r\n"), "227 (192,0,2,1,202,0)\r\n");
});

test("two servers of one client that wait at the same port", () => {
  for (const [family, said, other] of [
    [IPV4, "227 (10,0,0,1,200,0)\r\n", "227 (192,0,2,1,200,1)\r\n"],
    [IPV6, "229 (|||51200|)\r\n", "229 (|||51201|)\r\n"],
  ] as const) {
    const session = new FtpSession(family);
    session.say("PASV\r\n");
    session.answer(said);
    const second = withPort(family.client, 2000);
    const { director } = session;
    Object.assign(session, { family: { ...family, client: second } });
    Object.assign(session.dialogue, { family: { ...family, client: second } });
    Object.assign(session, { clientNext: 5001, serverNext: 901, readNext: 901 });
    session.open();
    session.say("PASV\r\n");
    assert.equal(session.answer(said), other);
    assert.equal(session.acknowledge(), session.serverNext);
    assert.equal(session.others().length, 2);
    const from = withPort(family.client, 4444);
    const to = withPort(family.virtual, 51201);
    assert.equal(session.data("client", from, to, "S"), `${from} > ${withPort(family.server, 51200)}`);
    assert.ok(director.connections().length === 4);
  }
});

test("a server that gets nothing new keeps its clients' data connections", () => {
  const session = new FtpSession(IPV4);
  const { configuration } = session.director;
  for (const edit of ["-w 0", "-w 1 -x 1 -y 1"]) {
    runCommand(configuration, `ipvsadm -e -t ${IPV4.virtual} -r ${IPV4.server} -m ${edit}`.split(" "));
    session.say("PASV\r\n");
    session.answer("227 (10,0,0,1,200,0)\r\n");
    session.acknowledge();
    for (const port of [4444, 4445]) {
      const from = withPort(IPV4.client, port);
      const expected = port === 4444 ? `${from} > 10.0.0.1:51200` : undefined;
      assert.equal(session.data("client", from, "192.0.2.1:51200", "S"), expected);
      if (expected !== undefined) session.data("client", from, "192.0.2.1:51200", "R");
    }
    session.say("PORT 198,18,0,1,4,1\r\n");
    const to = withPort(IPV4.client, 1025);
    assert.equal(session.data("server", "10.0.0.1:2120", to, "S"), `192.0.2.1:20 > ${to}`);
    // Half-open, it outlives the reset for a minute.
    session.director.wait(70);
  }
  const [slot] = [...configuration.serversOf("tcp", IPV4.virtual).values()];
  assert.equal(session.director.counters(slot!).connections, 1, "as in IPVS, that of control alone");
});

test("nothing is expected when the control connection is gone", () => {
  const session = new FtpSession(IPV4);
  session.say("PASV\r\n");
  session.answer("227 (10,0,0,1,200,0)\r\n");
  session.director.machine.run(() => {
    for (let slot = 0; slot < 64; slot++) {
      const connection = connectionTable.lookup(slot)!;
      if (connection.virtualPort === 21) connection.state = (connection.state | STATE_ENDED) >>> 0;
    }
  });
  assert.equal(session.data("client", withPort(IPV4.client, 4444), "192.0.2.1:51200", "S"), undefined);
});

test("a session whose beginning was not seen is left as it is", () => {
  const session = new FtpSession(IPV4);
  session.director.machine.run(() => {
    settings.at(0).sysctls[SYSCTL_SLOPPY_TCP] = 1;
  });
  const other = { ...IPV4, client: withPort(IPV4.client, 2000) };
  Object.assign(session, { family: other, clientNext: 7001, serverNext: 801, readNext: 801 });
  Object.assign(session.dialogue, { family: other });
  session.say("PASV\r\n");
  assert.equal(session.answer("227 (10,0,0,1,200,0)\r\n"), "227 (10,0,0,1,200,0)\r\n");
  session.say("PORT 198,18,0,1,4,1\r\n");
  assert.deepEqual(session.others(), []);
});

test("services by mark, on every port, and of other methods have no helper", () => {
  for (const [service, server] of [
    ["-t 192.0.2.1:0 -p 300", "10.0.0.1 -m"],
    ["-t 192.0.2.1:21", "10.0.0.1 -g"],
    ["-t 192.0.2.1:2121", "10.0.0.1:21 -m"],
  ] as const) {
    const director = new TestDirector();
    const [kind, address] = service.split(" ");
    runCommand(director.configuration, `ipvsadm -A ${service} -s rr`.split(" "));
    runCommand(director.configuration, `ipvsadm -a ${kind} ${address} -r ${server}`.split(" "));
    const to = address!.replace(/:0$/, ":21");
    director.receive(tcpFrame("client", IPV4.client, to, "S"), { ifindex: interfaceOf("client") });
    director.machine.run(() => {
      for (let slot = 0; slot < 64; slot++)
        assert.equal(connectionTable.lookup(slot)!.state & STATE_HELPED, 0, service);
    });
    assert.ok(director.connections().length > 0);
  }
});
