import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { type Administration, simulatedAdministration } from "../../ipvs/index.ts";
import type { ConnectionEntry } from "../../ipvs/model.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { connectionOf, keyOf } from "../testing/statuses.ts";
import { NO_NAMES } from "./names.ts";
import { runIpvsadm } from "./run.ts";

/** Runs command lines, one after the other, on one director. */
class Session<Director extends Administration> {
  readonly director: Director;

  constructor(director: Director) {
    this.director = director;
  }

  run(line: string, stdin = ""): { status: number; output: string } {
    let output = "";
    const write = (text: string): void => {
      output += text;
    };
    const status = runIpvsadm(line.split(" "), {
      administration: () => this.director,
      stdin: () => stdin,
      stdout: write,
      stderr: write,
      names: NO_NAMES,
    });
    return { status, output };
  }

  do(...lines: readonly string[]): void {
    for (const line of lines) assert.deepEqual(this.run(line), { status: 0, output: "" }, line);
  }
}

const SETUP = [
  "-A -t 192.0.2.1:80 -s rr --toa",
  "-P -t 192.0.2.1:80 -z 10.0.0.2",
  "--add-laddr --laddr=10.0.0.3 -t 192.0.2.1:80",
  "-a -t 192.0.2.1:80 -r 10.0.0.11:8080 --fullnat -w 2",
  "-A -t [2001:db8::1]:443 -s wlc -p 60 --proxy-protocol v2",
  "-P -t [2001:db8::1]:443 --local-address 2001:db8:1::2",
  "-a -t [2001:db8::1]:443 -r [2001:db8:1::11]:8443 --fullnat",
  "-A -f 7 -s rr",
  "-a -f 7 -r 10.0.0.11 --fullnat",
];

const RULES = `-A -t 192.0.2.1:80 -s rr --toa
-P -t 192.0.2.1:80 -z 10.0.0.2
-P -t 192.0.2.1:80 -z 10.0.0.3
-a -t 192.0.2.1:80 -r 10.0.0.11:8080 --fullnat -w 2
-A -t [2001:db8::1]:443 -s wlc -p 60 --proxy-protocol v2
-P -t [2001:db8::1]:443 -z 2001:db8:1::2
-a -t [2001:db8::1]:443 -r [2001:db8:1::11]:8443 --fullnat -w 1
-A -f 7 -s rr
-a -f 7 -r 10.0.0.11:0 --fullnat -w 1
`;

/** Tables that are quick to make. */
const SMALL = {
  ...{
    services: 8,
    service_table: 8,
    pools: 16,
    service_retired: 8,
    members: 16,
    servers: 8,
    destinations: 8,
  },
  ...{
    counters: 8,
    estimates: 8,
    dest_baseline: 8,
    connections: 1,
    due: 1,
    buckets: 8192,
    local_addresses: 64,
  },
};

const DIRECTORS: readonly (readonly [string, () => Administration])[] = [
  ["a configuration in memory", () => new MemoryAdministration()],
  ["the director's own tables", () => simulatedAdministration(createMachine({ entries: SMALL }))],
];

for (const [title, create] of DIRECTORS) {
  describe(`FullNAT in ipvsadm, on ${title}`, () => {
    test("is listed", () => {
      const session = new Session(create());
      session.do(...SETUP);
      assert.equal(
        session.run("-Ln").output,
        `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.1:80 rr toa
  -> 10.0.0.11:8080               FullNat 2      0          0         
TCP  [2001:db8::1]:443 wlc persistent 60 proxy-protocol v2
  -> [2001:db8:1::11]:8443        FullNat 1      0          0         
FWM  7 rr
  -> 10.0.0.11:0                  FullNat 1      0          0         
`,
      );
    });

    test("is saved and restored", () => {
      const session = new Session(create());
      session.do(...SETUP);
      assert.equal(session.run("-Sn").output, RULES);
      const other = new Session(create());
      assert.deepEqual(other.run("-R", RULES), { status: 0, output: "" });
      assert.equal(other.run("-Sn").output, RULES);
      assert.deepEqual(other.director.services(), session.director.services());
    });

    test("-E and -e without options put the defaults back", () => {
      const session = new Session(create());
      session.do(...SETUP, "-E -t 192.0.2.1:80", "-e -t 192.0.2.1:80 -r 10.0.0.11:8080 --fullnat");
      const [web] = session.director.services();
      assert.equal(web!.service.clientAddress, "hidden");
      assert.deepEqual(web!.localAddresses, ["10.0.0.2", "10.0.0.3"]);
      session.do("-E -t 192.0.2.1:80 --proxy-protocol disable");
    });

    test("local addresses are taken away again", () => {
      const session = new Session(create());
      session.do(...SETUP, "-Q -t 192.0.2.1:80 -z 10.0.0.2");
      assert.deepEqual(session.director.service(keyOf("tcp/192.0.2.1:80"))!.localAddresses, ["10.0.0.3"]);
    });

    for (const [line, status, output] of [
      ["-P -t 192.0.2.1:80 -z 10.0.0.2", 255, "Local address already exists"],
      ["-P -t 192.0.2.9:80 -z 10.0.0.2", 255, "Service not defined"],
      ["-Q -t 192.0.2.9:80 -z 10.0.0.2", 255, "Service not defined"],
      ["-Q -t 192.0.2.1:80 -z 10.0.0.9", 255, "No such local address"],
      [
        "-P -t 192.0.2.1:80 -z 224.0.0.1",
        255,
        "Invalid operation.  Possibly wrong module version, address not unicast, ...",
      ],
      ["-P -t 192.0.2.1:80", 2, "You need to supply the 'local-address' option for the 'add-laddr' command"],
      ["-P -z 10.0.0.2", 2, "You need to supply the 'service-address' option for the 'add-laddr' command"],
      ["-P -t 192.0.2.1:80 -z nonsense", 2, "illegal local address specified"],
      ["-P -t 192.0.2.1:80 -z 10.0.0.2:80", 2, "illegal local address specified"],
      ["-P -t 192.0.2.1:80 -z 2001:db8::2", 2, "Local addresses have the address family of the service"],
      ["-L -z 10.0.0.2", 2, "Illegal 'local-address' option with the 'list' command"],
      ["-a -t 192.0.2.1:80 -r 10.0.0.12 -m --fullnat", 2, "multiple 'forwarding-method' options specified"],
      ["-a -t 192.0.2.1:80 -r 10.0.0.12 --toa", 2, "Illegal 'toa' option with the 'add-server' command"],
      [
        "-a -t 192.0.2.1:80 -r 10.0.0.12 --fullnat --tun-type gre",
        2,
        "Tunnel options conflict with forward method",
      ],
      [
        "-a -t 192.0.2.1:80 -r 2001:db8::2 --fullnat",
        2,
        "Different address family is allowed only for tunneling servers",
      ],
      [
        "-A -t 192.0.2.2:80 --toa --proxy-protocol v2",
        2,
        "The option 'proxy-protocol' conflicts with the 'toa' option in the 'add-service' command",
      ],
      [
        "-A -t 192.0.2.2:80 --proxy-protocol v1",
        2,
        "illegal proxy protocol `v1' specified: there are v2 and disable",
      ],
      [
        "-A -u 192.0.2.2:53 --toa",
        2,
        "Only servers of TCP services can be told the client's address in a TCP option",
      ],
      [
        "-A --sctp-service 192.0.2.2:53 --proxy-protocol v2",
        2,
        "Only servers of TCP and UDP services can be told the client's address",
      ],
    ] as const) {
      test(`${line}: ${output}`, () => {
        const session = new Session(create());
        session.do(...SETUP);
        assert.deepEqual(session.run(line), { status, output: `${output}\n` });
      });
    }
  });
}

test("--get-laddr shows local addresses and who uses them", () => {
  const session = new Session(new MemoryAdministration());
  session.do(...SETUP);
  const service = keyOf("tcp/192.0.2.1:80");
  const use = (changes: Partial<ConnectionEntry>): ConnectionEntry =>
    connectionOf("198.51.100.1:1024 192.0.2.1:80 10.0.0.11:8080", {
      method: "fullnat",
      service,
      ...changes,
    });
  const local = { family: 4, address: "10.0.0.3", port: 1025 } as const;
  session.director.entries = [
    use({ local }),
    use({ local: { ...local, port: 1026 } }),
    use({ local, service: null }),
    use({ local, template: true }),
  ];
  assert.equal(
    session.run("--get-laddr").output,
    `VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS
192.0.2.1:80         2
                              10.0.0.2             0          0
                              10.0.0.3             0          2
[2001:db8::1]:443    1
                              2001:db8:1::2        0          0
FWM 7                0
`,
  );
  assert.equal(
    session.run("-G -n -f 7").output,
    "VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS\nFWM 7                0\n",
  );
  assert.deepEqual(session.run("-G -f 8"), { status: 1, output: "No such service\n" });
});
