/** FTP sessions where rules may drop packets: what is read and changed is so once, whatever the rules are asked meanwhile. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changeRules, evaluated } from "../rules/testing/change.ts";
import { ACTION_DROP } from "../tables.ts";
import { FTP_FAMILIES, FtpSession } from "./testing/session.ts";

const SAID = { 4: "227 (10,0,0,1,200,0)\r\n", 6: "229 (|||51200|)\r\n" } as const;

for (const family of FTP_FAMILIES) {
  describe(`where rules may drop, ${family.name}`, () => {
    const begin = (): FtpSession => {
      const session = new FtpSession(family);
      session.say(family.version === 4 ? "PASV\r\n" : "EPSV\r\n");
      session.answer(SAID[family.version]);
      assert.equal(session.acknowledge(), session.serverNext);
      assert.equal(session.others().length, 1);
      return session;
    };

    test("a change of the rules in the middle of a session leaves its streams alone", () => {
      const session = begin();
      for (let round = 0; round < 3; round++) {
        const before = evaluated(session.director, family.version);
        changeRules(session.director);
        assert.equal(session.acknowledge(), session.serverNext);
        assert.equal(session.answer("150 Here it comes\r\n"), "150 Here it comes\r\n");
        session.say(family.version === 4 ? "PASV\r\n" : "EPSV\r\n");
        assert.equal(evaluated(session.director, family.version), before + 2, "once in each direction");
        // The packet that is edited is the one that the rules are asked about.
        changeRules(session.director);
        session.answer(SAID[family.version].replace("200,0", "201,0").replace("51200", "51456"));
        assert.equal(session.acknowledge(), session.serverNext);
        assert.equal(session.others().length, 1);
        assert.equal(evaluated(session.director, family.version), before + 4);
      }
    });

    test("what is dropped has not been read", () => {
      const session = begin();
      const before = session.others();
      changeRules(session.director, ACTION_DROP);
      const address = family.version === 4 ? "198.18.0.1" : "2001:db8:1::1";
      const line = `EPRT |${family.version === 4 ? 1 : 2}|${address}|1025|\r\n`;
      const numbers = { sequence: session.clientNext, acknowledgement: session.readNext };
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(session.dialogue.client("PA", { ...numbers, payload: Buffer.from(line) }), []);
        assert.deepEqual(session.others(), before);
      }
      changeRules(session.director);
      session.say(line);
      assert.equal(session.others().length, 1);
      assert.notDeepEqual(session.others(), before);
      assert.equal(session.answer("200 ok\r\n"), "200 ok\r\n");
    });
  });
}
