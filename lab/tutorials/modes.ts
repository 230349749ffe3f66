/** Document 3: the forwarding methods, with NAT and direct routing configured; then ipset. */
import { masqueraded, onDirector, onServers, segment, type Tutorial } from "./model.ts";

const DR = segment([
  ["client", "192.168.0.1/24"],
  ["director", "192.168.0.8/24"],
  ["rs1", "192.168.0.18/24"],
  ["rs2", "192.168.0.28/24"],
]);

const NAT = masqueraded({
  client: "172.16.254.1/24",
  outside: ["172.16.254.8/24", "172.16.254.200/32"],
  inside: "192.168.0.8/24",
  servers: ["192.168.0.18/24", "192.168.0.28/24"],
});

export const modes: Tutorial = {
  number: 3,
  title: "IPVS",
  language: "Chinese",
  exercises: [
    {
      section: "1.3.1 NAT",
      plan: NAT,
      steps: [
        ...onDirector(
          "echo 1 > /proc/sys/net/ipv4/ip_forward",
          "echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects",
          "echo 0 > /proc/sys/net/ipv4/conf/default/send_redirects",
          "echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects",
          "echo 0 > /proc/sys/net/ipv4/conf/eth1/send_redirects",
          "iptables -t nat -F",
          "iptables -t nat -X",
          "iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE",
          "ipvsadm -C",
          "ipvsadm -A -t 172.16.254.200:80 -s wrr",
          "ipvsadm -a -t 172.16.254.200:80 -r 192.168.0.18:80 -m -w 1",
          "ipvsadm -a -t 172.16.254.200:80 -r 192.168.0.28:80 -m -w 1",
        ),
        { url: "http://172.16.254.200/", served: { rs1: 4, rs2: 4 } },
      ],
    },
    {
      section: "1.3.2 DR",
      plan: DR,
      steps: [
        ...onDirector("echo 1 > /proc/sys/net/ipv4/ip_forward"),
        {
          role: "director",
          printed: "ifconfig eth0:0 down",
          // It is for a director that has the address already.
          prints: /^(SIOCSIFFLAGS: .*\n)?$/,
          status: null,
        },
        ...onDirector(
          "ifconfig eth0:0 192.168.0.38 broadcast 192.168.0.38 netmask 255.255.255.255 up",
          "route add -host 192.168.0.38 dev eth0:0",
          "ipvsadm -C",
          "ipvsadm -A -t 192.168.0.38:80 -s wrr",
          "ipvsadm -a -t 192.168.0.38:80 -r 192.168.0.18:80 -g -w 3",
          "ipvsadm -a -t 192.168.0.38:80 -r 192.168.0.28:80 -g -w 1",
        ),
        ...onServers(
          "ifconfig lo:0 192.168.0.38 broadcast 192.168.0.38 netmask 255.255.255.255 up",
          "route add -host 192.168.0.38 dev lo:0",
          'echo "1" >/proc/sys/net/ipv4/conf/lo/arp_ignore',
          'echo "2" >/proc/sys/net/ipv4/conf/lo/arp_announce',
          'echo "1" >/proc/sys/net/ipv4/conf/all/arp_ignore',
          'echo "2" >/proc/sys/net/ipv4/conf/all/arp_announce',
        ),
        { url: "http://192.168.0.38/", served: { rs1: 6, rs2: 2 } },
      ],
    },
  ],
  omitted: [
    {
      printed:
        "ipset … (sections 2 to 2.2.3), iptables -m set --match-set a src,dst -j SET --add-set b src,dst",
      why: "ipset comes with its own issue",
    },
  ],
};
