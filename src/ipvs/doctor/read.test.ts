/** Texts of the kernel's that a doctor reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKernelServices } from "./kernel-services.ts";
import { parseListeners } from "./listeners.ts";
import { parseLocalPorts } from "./local-ports.ts";

test("services of the kernel's own IPVS", () => {
  const text = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0A80026:0050 wrr 
  -> C0A80012:0050      Route   3      0          0         
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr 
FWM  0000012C rr persistent 300 FFFFFFFF
`;
  assert.deepEqual(parseKernelServices(text), ["tcp/192.168.0.38:80", "udp/[2001:db8::1]:53", "fwm4/300"]);
});

test("sockets that wait", () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0200000A:0050 0100000A:8000 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1
`;
  const six = `   0: 000080FE00000000FF005450B6AB22FE:0050 00000000000000000000000000000000:0000 0A 0
   1: 0000000000000000FFFF00000100000A:0051 00000000000000000000000000000000:0000 0A 0
   2: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 0
`;
  assert.deepEqual(parseListeners(tcp, "tcp"), [
    { protocol: "tcp", address: "127.0.0.1", port: 25 },
    { protocol: "tcp", address: null, port: 8080 },
  ]);
  assert.deepEqual(parseListeners(six, "tcp"), [
    { protocol: "tcp", address: "fe80::5054:ff:fe22:abb6", port: 80 },
    { protocol: "tcp", address: "10.0.0.1", port: 81 },
  ]);
  assert.deepEqual(parseListeners(six, "udp"), [{ protocol: "udp", address: null, port: 53 }]);
});

test("ports that the kernel gives to sockets", () => {
  assert.deepEqual(parseLocalPorts("32768\t60999"), { first: 32768, last: 60999 });
  assert.equal(parseLocalPorts(""), null);
});
