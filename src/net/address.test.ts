import assert from "node:assert/strict";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import {
  compareIp,
  formatIp,
  ip,
  ipVersion,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseIp,
} from "./address.ts";
import { ipv4FromNumber, ipv4ToNumber, parseInetAton } from "./ipv4.ts";
import { formatMac, mac, parseMac } from "./mac.ts";

test("addresses are read and written", () => {
  const cases: [text: string, written?: string][] = [
    ["0.0.0.0"],
    ["255.255.255.255"],
    ["10.0.0.1"],
    ["::"],
    ["::1"],
    ["1::"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:192.0.2.1"],
    ["::192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["fe80:0:0:0:1::", "fe80::1:0:0:0"],
  ];
  for (const [text, written = text] of cases) assert.equal(formatIp(ip(text)), written, text);
});

test("what is no address is refused", () => {
  const cases = ["", "1", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.", " 1.2.3.4", "1.2.3.4 ", "0x1.2.3.4"];
  cases.push(":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1::2", "1::2:", "12345::", "::g");
  cases.push("1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1.2.3.4::", "::1.2.3", "[::1]", "fe80::1%eth0");
  for (const text of cases) {
    assert.equal(parseIp(text), undefined, text);
    assert.throws(() => ip(text), RangeError);
  }
});

test("10,000 random texts are judged as the C library judges them", () => {
  const pieces = [
    "0",
    "1",
    "255",
    "256",
    "ffff",
    "abcd",
    ".",
    ".",
    ":",
    ":",
    ":",
    "::",
    "1.2.3.4",
    "00",
    "g",
  ];
  let random = 12345;
  for (let round = 0; round < 10_000; round++) {
    let text = "";
    for (let count = 1 + (round % 15); count > 0; count--) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      text += pieces[(random >>> 16) % pieces.length];
    }
    const expected = text.includes(":") ? isIPv6(text) : isIPv4(text);
    assert.equal(parseIp(text) !== undefined, expected, text);
    const address = parseIp(text);
    if (address !== undefined) {
      const written = formatIp(address);
      assert.equal(isIP(written), ipVersion(address));
      assert.deepEqual(ip(written), address);
    }
  }
});

test("inet_aton takes the historical forms", () => {
  const cases: [string, string | undefined][] = [
    ["10.1", "10.0.0.1"],
    ["10.1.2", "10.1.0.2"],
    ["16909060", "1.2.3.4"],
    ["0x7f.1", "127.0.0.1"],
    ["0xffffffff", "255.255.255.255"],
    ["010.0.0.1", "8.0.0.1"],
    ["1.2.3.4 tail", "1.2.3.4"],
    ["1.65536.1", undefined],
    ["1.2.65535", "1.2.255.255"],
    ["1.2.65536", undefined],
    ["4294967296", undefined],
    ["08.0.0.1", undefined],
    ["1.2.3.4.5", undefined],
    ["0x", undefined],
    ["", undefined],
    ["1..2", undefined],
  ];
  for (const [text, expected] of cases) {
    const address = parseInetAton(text);
    assert.equal(address && formatIp(address), expected, text);
  }
});

test("addresses have kinds, numbers and an order", () => {
  assert.ok(isMulticast(ip("224.0.0.18")) && isMulticast(ip("ff02::12")) && !isMulticast(ip("10.0.0.1")));
  assert.ok(isLoopback(ip("127.9.9.9")) && isLoopback(ip("::1")) && !isLoopback(ip("::2")));
  assert.ok(isLinkLocal(ip("fe80::1")) && isLinkLocal(ip("169.254.1.1")) && !isLinkLocal(ip("fec0::1")));
  assert.ok(isUnspecified(ip("::")) && isUnspecified(ip("0.0.0.0")));
  assert.equal(ipv4ToNumber(ip("192.0.2.1")), 0xc0000201);
  assert.equal(formatIp(ipv4FromNumber(0xc0000201)), "192.0.2.1");
  const sorted = ["::1", "10.0.0.2", "2001::", "10.0.0.10"].map(ip).sort(compareIp).map(formatIp);
  assert.deepEqual(sorted, ["10.0.0.2", "10.0.0.10", "::1", "2001::"]);
});

test("Ethernet addresses", () => {
  assert.equal(formatMac(mac("2:0:0:A:0:1")), "02:00:00:0a:00:01");
  assert.equal(parseMac("02:00:00:0a:00"), undefined);
  assert.equal(parseMac("02-00-00-0a-00-01"), undefined);
});
