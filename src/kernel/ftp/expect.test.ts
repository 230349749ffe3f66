/** A client and its server that announce a data connection at the same time, on two CPUs. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { connect } from "../admit.ts";
import { connectionTable, due, ftpControls, PROTOCOL_TCP, STATE_HELPED } from "../tables.ts";
import { endActive, expectActive, expectPassive } from "./expect.ts";
import { FTP_FAMILIES, FtpSession, withPort } from "./testing/session.ts";

const [IPV4] = FTP_FAMILIES as [(typeof FTP_FAMILIES)[0]];
const PASSIVE = `LISTEN ${withPort(IPV4.client, 0)} ${withPort(IPV4.virtual, 51200)} ${withPort(IPV4.server, 51200)}`;
const ACTIVE = `LISTEN ${withPort(IPV4.client, 1025)} ${withPort(IPV4.virtual, 20)} ${withPort(IPV4.server, 2120)}`;

/** The session of a test, the slot of its control connection, and how its client announces port 1025 (payload.ts). */
function begin() {
  const session = new FtpSession(IPV4, { cpus: 2 });
  const { machine } = session.director;
  const slot = machine.run(() => {
    let index = 0;
    while ((connectionTable.lookup(index)!.state & STATE_HELPED) === 0) index++;
    return index;
  });
  const announce = (meanwhile: () => void = () => {}) => {
    const destination = expectActive(slot, 1025);
    meanwhile();
    const master = connectionTable.lookup(slot)!;
    const ports = ((1025 << 16) | 20) >>> 0;
    endActive(slot, connect(master.client, master.virtual, ports, PROTOCOL_TCP << 8, destination));
  };
  const onOther = (work: () => void) => {
    machine.cpu = 1;
    work();
    machine.cpu = 0;
  };
  return { session, machine, slot, announce, onOther };
}

function assertOne({ session, machine, slot }: ReturnType<typeof begin>, expected: string): void {
  assert.deepEqual(session.others(), [expected]);
  const { followers } = machine.run(() => ({ followers: ftpControls.lookup(slot)!.followers }));
  assert.equal(followers, 1, "connections that hold the control connection");
}

test("the server's answer comes while the client's command is followed: one of the two is expected", () => {
  const all = begin();
  all.machine.run(() => all.announce(() => all.onOther(() => expectPassive(all.slot, 51200))));
  assertOne(all, ACTIVE);
});

test("the client's command comes while the server's answer is followed: the same", () => {
  const all = begin();
  const lookup = due.lookup.bind(due);
  all.machine.run(() => {
    const hook = mock.method(due, "lookup", (index: number) => {
      hook.mock.restore();
      all.onOther(() => all.announce());
      return lookup(index);
    });
    expectPassive(all.slot, 51200);
  });
  assertOne(all, PASSIVE);
});
