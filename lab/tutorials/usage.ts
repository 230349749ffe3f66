/** Document 0: what LVS is, and the usage of ipvsadm. */
import { type Command, segment, type Tutorial } from "./model.ts";

const SYNOPSIS = "a synopsis: each of its alternatives";
const LISTED = /^IP Virtual Server version 1\.2\.1/;
const SERVICES = ["-t 192.0.2.10:80", "-u 192.0.2.10:53", "-f 7"];

const synopsis = (printed: string, run: readonly string[], more: Partial<Command> = {}): Command => ({
  role: "director",
  printed,
  instead: { run, why: SYNOPSIS },
  ...more,
});

const option = (printed: string, prints: RegExp): Command =>
  synopsis(printed, [`ipvsadm -L ${printed}`], { prints });

export const usage: Tutorial = {
  number: 0,
  title: "LVS的使用",
  language: "Chinese",
  exercises: [
    {
      section: "ipvsadm的用法",
      plan: segment([["director", "192.0.2.254/24", "192.0.2.10/32"]]),
      steps: [
        synopsis("ipvsadm -A|E -t|u|f service-address [-s scheduler]", [
          ...SERVICES.map((service) => `ipvsadm -A ${service}`),
          "ipvsadm -A -t 192.0.2.10:81 -s rr",
          ...SERVICES.map((service) => `ipvsadm -E ${service} -s wrr`),
          "ipvsadm -E -t 192.0.2.10:81",
        ]),
        synopsis("ipvsadm -L|l [options]", ["ipvsadm -L", "ipvsadm -l"], { prints: LISTED }),
        synopsis(
          "ipvsadm -D -t|u|f service-address",
          SERVICES.map((service) => `ipvsadm -D ${service}`),
        ),
        {
          role: "director",
          printed: "ipvsam -C",
          instead: { run: ["ipvsadm -C"], why: "a slip of the pen for ipvsadm" },
        },
        synopsis(
          "ipvsadm -a|e -t|u|f service-address -r server-address [-g|i|m] [-w weight] [-x upper] [-y lower]",
          SERVICES.flatMap((service) => [
            `ipvsadm -A ${service}`,
            `ipvsadm -a ${service} -r 192.0.2.1`,
            `ipvsadm -a ${service} -r 192.0.2.2 -g -w 2`,
            `ipvsadm -a ${service} -r 192.0.2.3 -i`,
            `ipvsadm -a ${service} -r 192.0.2.4 -m -w 3 -x 100 -y 50`,
            `ipvsadm -e ${service} -r 192.0.2.1 -m -x 10`,
          ]),
        ),
        synopsis("server-address: ip[:port]", ["ipvsadm -a -t 192.0.2.10:80 -r 192.0.2.5:8080 -m"]),
        synopsis(
          "ipvsadm -d -t|u|f service-address -r server-address",
          SERVICES.map((service) => `ipvsadm -d ${service} -r 192.0.2.3`),
        ),
        option("-n", /TCP {2}192\.0\.2\.10:80 wlc\n {2}-> 192\.0\.2\.1:80 +Masq +1 /),
        option("-c", /^IPVS connection entries\npro expire state +source +virtual +destination\n$/),
        option("--stats", /Prot LocalAddress:Port +Conns +InPkts +OutPkts +InBytes +OutBytes/),
        option("--rate", /Prot LocalAddress:Port +CPS +InPPS +OutPPS +InBPS +OutBPS/),
        option("--exact", LISTED),
        synopsis("ipvsadm -S [-n]", ["ipvsadm -S", "ipvsadm -S -n"], {
          prints:
            /^-A -t 192\.0\.2\.10:http -s wlc\n[\s\S]*\n-A -t 192\.0\.2\.10:80 -s wlc\n-a -t 192\.0\.2\.10:80 -r 192\.0\.2\.1:80 -m -w 1\n/,
        }),
        {
          role: "director",
          printed: "ipvsadm -R",
          instead: {
            run: ["ipvsadm -S -n > /root/rules; ipvsadm -C; ipvsadm -R < /root/rules"],
            why: "it reads rules: those that -S just printed",
          },
        },
        synopsis("ipvsadm -Z [-t|u|f service-address]", [
          "ipvsadm -Z",
          ...SERVICES.map((service) => `ipvsadm -Z ${service}`),
        ]),
        { role: "director", printed: "ipvsadm -C" },
      ],
    },
  ],
  omitted: [],
};
