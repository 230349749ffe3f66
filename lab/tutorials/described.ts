/**
 * Document 1: experiments whose commands are pictures. What is run is what the words around the pictures say; nothing but
 * `IPVSADM-L-N` is text.
 */
import { type Command, masqueraded, segment, type Tutorial } from "./model.ts";

const PICTURE = "a picture; this is what the words around it say";

const pictured = (printed: string, run: readonly string[], more: Partial<Command> = {}): Command => ({
  role: "director",
  printed,
  instead: { run, why: PICTURE },
  ...more,
});

const VIP = "1.1.1.254:80";

export const described: Tutorial = {
  number: 1,
  title: "The basic principle of LVS cluster, configuration of Lvs/nat mode, configuration of LVS/DR mode, …",
  language: "English",
  exercises: [
    {
      section: "Experiment (I.): Lvs/nat mode",
      plan: masqueraded({
        client: "1.1.1.1/24",
        outside: ["1.1.1.254/24"],
        inside: "192.168.1.254/24",
        servers: ["192.168.1.10/24", "192.168.1.20/24"],
      }),
      steps: [
        pictured("Temporarily turn on the kernel route forwarding function", [
          "echo 1 > /proc/sys/net/ipv4/ip_forward",
        ]),
        pictured("add the virtual service … RR is the polling algorithm", [`ipvsadm -A -t ${VIP} -s rr`]),
        pictured("Add Realserver to the virtual service", [
          `ipvsadm -a -t ${VIP} -r 192.168.1.10 -m`,
          `ipvsadm -a -t ${VIP} -r 192.168.1.20 -m`,
        ]),
        {
          role: "director",
          printed: "IPVSADM-L-N",
          instead: { run: ["ipvsadm -L -n"], why: "the translation lost case and spaces" },
          prints:
            /TCP {2}1\.1\.1\.254:80 rr\n {2}-> 192\.168\.1\.10:80 +Masq +1 .*\n {2}-> 192\.168\.1\.20:80 +Masq +1 /,
        },
        pictured("Save the configuration and start the service", [
          "ipvsadm-save > /etc/sysconfig-ipvsadm; ipvsadm -C; ipvsadm-restore < /etc/sysconfig-ipvsadm",
        ]),
        { url: "http://1.1.1.254/", served: { rs1: 3, rs2: 3 } },
        pictured("View status information for virtual services", ["ipvsadm -L -n --stats"], {
          prints: /TCP {2}1\.1\.1\.254:80 +6 /,
        }),
        pictured("Remove Realserver (192.168.1.20) from the virtual service", [
          `ipvsadm -d -t ${VIP} -r 192.168.1.20`,
        ]),
        { url: "http://1.1.1.254/", served: { rs1: 4 } },
        pictured("Scheduling algorithm for modifying virtual services", [`ipvsadm -E -t ${VIP} -s wrr`]),
        pictured("Modify the weight value (the default value is 1)", [
          `ipvsadm -a -t ${VIP} -r 192.168.1.20 -m`,
          `ipvsadm -e -t ${VIP} -r 192.168.1.10 -m -w 3`,
        ]),
        { url: "http://1.1.1.254/", served: { rs1: 6, rs2: 2 } },
        pictured(
          "What mode does the LVS load balancer use by default? The default is Dr mode",
          [`ipvsadm -a -t ${VIP} -r 192.168.1.30 && ipvsadm -L -n`],
          { prints: / {2}-> 192\.168\.1\.30:80 +Route +1 / },
        ),
        pictured("Clear all policies and algorithms", ["ipvsadm -C"]),
      ],
    },
    {
      section: "Experiment (II): LVS/DR mode",
      plan: segment([
        ["client", "1.1.1.1/24"],
        ["rs1", "1.1.1.10/24"],
        ["rs2", "1.1.1.20/24"],
        ["director", "1.1.1.254/24"],
      ]),
      steps: [
        pictured(
          "Let realserver not respond to the ARP broadcast packet that the client accesses the VIP address",
          [
            "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore",
            "echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce",
            "echo 1 > /proc/sys/net/ipv4/conf/lo/arp_ignore",
            "echo 2 > /proc/sys/net/ipv4/conf/lo/arp_announce",
          ],
          { role: "servers" },
        ),
        pictured(
          "Let all servers have the IP address of the virtual service",
          ["ifconfig lo:0 1.1.1.100 netmask 255.255.255.255 up"],
          { role: "servers" },
        ),
        pictured("Let all servers have the IP address of the virtual service", [
          "ifconfig eth0:0 1.1.1.100 netmask 255.255.255.255 up",
        ]),
        pictured("Set the distribution policy on the LVS/DR mode distributor", [
          "ipvsadm -A -t 1.1.1.100:80 -s rr",
          "ipvsadm -a -t 1.1.1.100:80 -r 1.1.1.10",
          "ipvsadm -a -t 1.1.1.100:80 -r 1.1.1.20",
        ]),
        { url: "http://1.1.1.100/", served: { rs1: 3, rs2: 3 } },
        pictured("View the status information for the virtual service", ["ipvsadm -L -n --stats"], {
          prints: /TCP {2}1\.1\.1\.100:80 +6 +\d+ +0 /,
        }),
      ],
    },
  ],
  omitted: [
    {
      printed:
        "Experiment (III): a script that scans the web servers with nmap and takes them out of the service",
      why: "a picture; health checks are keepalived's, and come with it",
    },
  ],
};
