import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatIp } from "../../../net/index.ts";
import { SYSCTL_EXPIRE_QUIESCENT_TEMPLATE } from "../../sysctls.ts";
import { settings } from "../../tables.ts";
import { runCommand } from "../../testing/commands.ts";
import { CLIENT_SIDE, type TestDirector } from "../../testing/director.ts";
import { fragmentsOf, receiveAll } from "../../testing/fragments.ts";
import { frame, udpFrame } from "../../testing/frames.ts";
import { call, callIdsOf, directorWith, sendMessage, serverOf, sipRequest } from "../../testing/sip.ts";

const VIRTUAL = "192.0.2.1:5060";
const CLIENT = "198.18.0.1:5060";
const SERVICE = [`-A -u ${VIRTUAL} -s rr -p 60 --pe sip`, ...servers("-m")];
const ONE_PACKET = [`-A -u ${VIRTUAL} -s rr -p 60 -o --pe sip`, ...servers("-m")];

function servers(method: string, service = `-u ${VIRTUAL}`, port = ":5060"): string[] {
  return [1, 2, 3].map((number) => `-a ${service} -r 10.0.0.${number}${port} ${method}`);
}

/** The templates: "state client virtual server". */
function templates(director: TestDirector): string[] {
  return director
    .connections()
    .filter((each) => each.source.endsWith(":0"))
    .map(({ state, source, virtual, destination }) => `${state} ${source} ${virtual} ${destination}`);
}

function counted(director: TestDirector): number {
  const slots = [...director.configuration.serversOf("udp", VIRTUAL).values()];
  return slots.reduce((sum, slot) => sum + director.templatesOf(slot), 0);
}

for (const [name, commands] of [
  ["--pe sip", SERVICE],
  ["--pe sip -o", ONE_PACKET],
] as const) {
  describe(name, () => {
    test("messages of a call go to one server, whoever sends them, and from any port", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      for (let i = 2; i < 9; i++) {
        assert.equal(serverOf(director, `198.18.0.${i}:${5060 + i}`, VIRTUAL, call("a@b", "BYE")), first);
      }
      assert.deepEqual(callIdsOf(director), ["a@b"]);
      assert.deepEqual(templates(director), [`NONE 198.18.0.1:0 ${VIRTUAL} ${first}:5060`]);
      assert.equal(counted(director), 1);
    });

    test("the spelling of the header field does not matter, that of the Call-ID does", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      const lines = ["i: a@b\r\n", "CALL-ID :a@b\n", "call-id:\r\n\ta@b  \r\n"];
      for (const [i, line] of lines.entries())
        assert.equal(serverOf(director, `198.18.0.${20 + i}:1`, VIRTUAL, sipRequest(line)), first, line);
      assert.notEqual(serverOf(director, "198.18.0.30:1", VIRTUAL, call("A@b")), first);
      assert.deepEqual(callIdsOf(director).sort(), ["A@b", "a@b"]);
    });

    test("messages without a Call-ID, or with one that is too long, go by the client's address", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, "198.18.0.1:1000", VIRTUAL, "OPTIONS sip:a SIP/2.0\r\n\r\n");
      for (const [port, text] of [
        [1001, ""],
        [1002, sipRequest("")],
        [1003, call("x".repeat(256))],
        [1004, sipRequest("Call-ID: a b\r\n")],
        [1005, call("a@b").slice(0, 160)],
      ] as const) {
        assert.equal(serverOf(director, `198.18.0.1:${port}`, VIRTUAL, text), first, text);
      }
      assert.notEqual(serverOf(director, "198.18.0.2:1000", VIRTUAL, ""), first);
      assert.deepEqual(callIdsOf(director), []);
      assert.equal(templates(director).length, 2);
    });

    test("a call of the longest Call-ID is known by all of it", () => {
      const director = directorWith(...commands);
      const long = "x".repeat(254);
      const first = serverOf(director, CLIENT, VIRTUAL, call(`${long}1`));
      assert.notEqual(serverOf(director, "198.18.0.2:1", VIRTUAL, call(`${long}2`)), first);
      assert.equal(serverOf(director, "198.18.0.3:1", VIRTUAL, call(`${long}1`)), first);
      assert.deepEqual(callIdsOf(director).sort(), [`${long}1`, `${long}2`]);
    });

    test("a call is forgotten after its time, counted from the last message that asked", () => {
      const director = directorWith(...commands, "--set 900 120 10");
      serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      director.wait(40);
      serverOf(director, "198.18.0.2:1", VIRTUAL, call("a@b"));
      director.wait(50);
      assert.deepEqual(callIdsOf(director), ["a@b"]);
      director.wait(30);
      assert.deepEqual(director.connections(), []);
      assert.equal(director.flowWords(), 0);
      assert.equal(counted(director), 0);
    });

    test("it stays with a server of weight 0, unless expire_quiescent_template is set", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      runCommand(director.configuration, `ipvsadm -e -u ${VIRTUAL} -r ${first}:5060 -m -w 0`.split(" "));
      assert.equal(serverOf(director, "198.18.0.2:1", VIRTUAL, call("a@b")), first);
      director.machine.run(() => {
        settings.at(0).sysctls[SYSCTL_EXPIRE_QUIESCENT_TEMPLATE] = 1;
      });
      const second = serverOf(director, "198.18.0.3:1", VIRTUAL, call("a@b"));
      assert.notEqual(second, first);
      assert.deepEqual(templates(director), [`NONE 198.18.0.3:0 ${VIRTUAL} ${second}:5060`]);
      assert.equal(counted(director), 1);
    });

    test("it gets another server when its own is gone", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      runCommand(director.configuration, `ipvsadm -d -u ${VIRTUAL} -r ${first}:5060`.split(" "));
      const second = serverOf(director, "198.18.0.2:1", VIRTUAL, call("a@b"));
      assert.notEqual(second, first);
      assert.equal(serverOf(director, "198.18.0.3:1", VIRTUAL, call("a@b")), second);
    });

    test("the mask is of the client that is listed", () => {
      const director = directorWith(
        commands[0]!.replace("-p 60", "-p 60 -M 255.255.255.0"),
        ...servers("-m"),
      );
      const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
      assert.deepEqual(templates(director), [`NONE 198.18.0.0:0 ${VIRTUAL} ${first}:5060`]);
    });

    test("a message in fragments goes by the Call-ID of the first one", () => {
      const director = directorWith(...commands);
      const first = serverOf(director, "198.18.0.9:1", VIRTUAL, call("a@b"));
      const text = Buffer.from(call("a@b").replace("Content-Length: 0", `X: ${"y".repeat(2000)}`));
      const whole = udpFrame("client", CLIENT, VIRTUAL, { payload: text, ip: { dontFragment: false } });
      const parts = fragmentsOf(whole.subarray(14), 800).map((part) => frame("client", part));
      const outcomes = receiveAll(director, parts.reverse(), CLIENT_SIDE).filter(({ out }) => out !== 0);
      assert.equal(outcomes.length, 3);
      for (const { packet } of outcomes) assert.equal(formatIp(packet.bytes.subarray(30, 34)), first);
    });
  });
}

describe("--pe sip with connections", () => {
  test("a client's port keeps its server whatever it sends then", () => {
    const director = directorWith(...SERVICE);
    const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
    assert.equal(serverOf(director, CLIENT, VIRTUAL, call("c@d")), first);
    assert.deepEqual(callIdsOf(director), ["a@b"]);
  });

  test("the template is assured by the server's answer", () => {
    const director = directorWith(...SERVICE);
    const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
    const answer = sendMessage(director, `${first}:5060`, CLIENT, "SIP/2.0 200 OK\r\n\r\n", {
      side: "server",
    });
    assert.equal(answer, `${VIRTUAL} > ${CLIENT}`);
    assert.deepEqual(templates(director), [`ASSURED 198.18.0.1:0 ${VIRTUAL} ${first}:5060`]);
  });

  test("the template stays as long as a connection follows it", () => {
    const director = directorWith(...SERVICE);
    const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
    director.wait(200);
    assert.equal(serverOf(director, "198.18.0.2:1", VIRTUAL, call("a@b")), first);
  });
});

describe("--pe sip with one-packet scheduling", () => {
  test("calls of one client are spread by the scheduler, each message to its call's server", () => {
    const director = directorWith(...ONE_PACKET);
    const chosen = ["a", "b", "c", "d"].map((id) => serverOf(director, CLIENT, VIRTUAL, call(id)));
    assert.equal(new Set(chosen).size, 3);
    for (let round = 0; round < 3; round++) {
      for (const [i, id] of ["a", "b", "c", "d"].entries())
        assert.equal(serverOf(director, CLIENT, VIRTUAL, call(id, "ACK")), chosen[i]);
    }
    assert.equal(director.connections().length, 4);
  });

  for (const method of ["-g", "-i", "-m"]) {
    test(`with ${method}`, () => {
      const director = directorWith(`-A -u ${VIRTUAL} -s rr -p 60 -o --pe sip`, ...servers(method));
      const send = (port: number, id: string) => {
        const bytes = udpFrame("client", `198.18.0.1:${port}`, VIRTUAL, { payload: Buffer.from(call(id)) });
        return director.receive(bytes, { ifindex: CLIENT_SIDE }).packet.bytes.length;
      };
      for (const [i, id] of ["a", "b", "c", "a", "b", "c"].entries()) assert.ok(send(1000 + i, id) > 0);
      const slots = [...director.configuration.serversOf("udp", VIRTUAL).values()];
      assert.deepEqual(
        slots.map((slot) => director.counters(slot).connections),
        [2, 2, 2],
      );
      assert.deepEqual(callIdsOf(director).sort(), ["a", "b", "c"]);
    });
  }

  test("what servers answer gets the service's address, and is counted", () => {
    const director = directorWith(...ONE_PACKET);
    const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
    const answer = sendMessage(director, `${first}:5060`, CLIENT, call("a@b"), { side: "server" });
    assert.equal(answer, `${VIRTUAL} > ${CLIENT}`);
    const slot = director.configuration.serversOf("udp", VIRTUAL).get(`${first}:5060`)!;
    assert.equal(director.counters(slot).outPackets, 1);
    assert.equal(director.connections().length, 1);
  });

  test("a call that a server begins stays with it", () => {
    const director = directorWith(...ONE_PACKET);
    for (const number of [3, 1, 2]) {
      const sent = sendMessage(director, `10.0.0.${number}:5060`, CLIENT, call(`from-${number}`), {
        side: "server",
      });
      assert.equal(sent, `${VIRTUAL} > ${CLIENT}`);
    }
    for (const number of [1, 2, 3])
      assert.equal(
        serverOf(director, `198.18.0.9:${number}`, VIRTUAL, call(`from-${number}`)),
        `10.0.0.${number}`,
      );
    assert.equal(templates(director)[0], `NONE 198.18.0.1:0 ${VIRTUAL} 10.0.0.3:5060`);
  });

  test("what others send, or servers from other ports, is left alone", () => {
    const director = directorWith(...ONE_PACKET);
    for (const from of ["10.0.0.1:5061", "10.0.0.9:5060"]) {
      const { verdict } = director.receive(
        udpFrame("server", from, CLIENT, { payload: Buffer.from(call("a")) }),
        {
          ifindex: 3,
        },
      );
      assert.equal(verdict, 0xffffffff, from);
    }
  });
});

describe("--pe sip elsewhere", () => {
  test("on a service by mark", () => {
    const director = directorWith("-A -f 5 -s rr -p 60 -o --pe sip", ...servers("-m", "-f 5", ":0"));
    const first = serverOf(director, CLIENT, "192.0.2.9:5060", call("a@b"), { mark: 5 });
    assert.equal(serverOf(director, "198.18.0.2:7", "192.0.2.8:5070", call("a@b"), { mark: 5 }), first);
    assert.notEqual(serverOf(director, CLIENT, "192.0.2.9:5060", call("c@d"), { mark: 5 }), first);
    assert.deepEqual(templates(director)[0], `NONE 198.18.0.1:0 0.0.0.5:0 ${first}:0`);
  });

  test("on a service on every port", () => {
    const director = directorWith(
      "-A -u 192.0.2.1:0 -s rr -p 60 --pe sip",
      ...servers("-m", "-u 192.0.2.1:0", ":0"),
    );
    const first = serverOf(director, CLIENT, "192.0.2.1:5060", call("a@b"));
    assert.equal(serverOf(director, "198.18.0.2:7", "192.0.2.1:5070", call("a@b")), first);
  });

  test("the same Call-ID at two services is two calls", () => {
    const other = "192.0.2.2:5060";
    const director = directorWith(
      ...SERVICE,
      `-A -u ${other} -s rr -p 60 --pe sip`,
      `-a -u ${other} -r 10.0.0.9:5060 -m`,
    );
    assert.notEqual(serverOf(director, CLIENT, VIRTUAL, call("a@b")), "10.0.0.9");
    assert.equal(serverOf(director, CLIENT, other, call("a@b")), "10.0.0.9");
    assert.deepEqual(callIdsOf(director), ["a@b", "a@b"]);
  });

  test("without -p, or on TCP, it changes nothing", () => {
    const director = directorWith(`-A -u ${VIRTUAL} -s rr --pe sip`, ...servers("-m"));
    const first = serverOf(director, CLIENT, VIRTUAL, call("a@b"));
    assert.notEqual(serverOf(director, "198.18.0.2:1", VIRTUAL, call("a@b")), first);
    assert.deepEqual(templates(director), []);
  });

  test("over IPv6", () => {
    const virtual = "[2001:db8:f::1]:5060";
    const other = "[2001:db8:f::2]:5060";
    for (const onePacket of ["", " -o"]) {
      const director = directorWith(
        ...[virtual, other].flatMap((service) => [
          `-A -u ${service} -s rr -p 60${onePacket} --pe sip`,
          ...[1, 2].map((number) => `-a -u ${service} -r [2001:db8:a::${number}]:5060 -m`),
        ]),
      );
      const first = serverOf(director, "[2001:db8:1::1]:1000", virtual, call("a@b"));
      assert.equal(serverOf(director, "[2001:db8:1::2]:2000", virtual, call("a@b")), first);
      assert.notEqual(serverOf(director, "[2001:db8:1::3]:3000", virtual, call("c@d")), first);
      serverOf(director, "[2001:db8:1::4]:4000", other, call("c@d"));
      assert.deepEqual(callIdsOf(director).sort(), ["a@b", "c@d", "c@d"]);
      assert.match(templates(director)[0]!, /^NONE \[2001:db8:1::1\]:0 \[2001:db8:f::1\]:5060/);
      const answer = sendMessage(director, `[${first}]:5060`, "[2001:db8:1::1]:1000", call("a@b"), {
        side: "server",
      });
      // Both services have the server: in one-packet scheduling its port is of the one that was configured last.
      assert.match(answer, onePacket === "" ? /^2001:db8:f::1:5060 > / : /^2001:db8:f::[12]:5060 > /);
    }
  });

  test("calls that find no room are served all the same", () => {
    const director = directorWith(...ONE_PACKET);
    for (let i = 0; i < 200; i++) serverOf(director, CLIENT, VIRTUAL, call(`call-${i}`));
    assert.ok(callIdsOf(director).length <= 64);
  });
});
