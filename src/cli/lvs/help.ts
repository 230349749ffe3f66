import type { Topic } from "./arguments.ts";
import { REALSERVER_HELP } from "./realserver-help.ts";

/** What `lvs --help` prints. */
export const HELP = `lvs: what the Linux Virtual Server never had. Balancing itself is administered with ipvsadm.

Usage: lvs COMMAND [OPTION…]

  attach [IF…]          attach the datapath to these interfaces, or to all of this network namespace
  detach [IF…]          take it off these interfaces, or off all; services and connections stay
  status                the program, the kernel's features, attached interfaces, how full the tables are
  connections [FILTER]  the connection table, for people or as JSON
  flush FILTER | --all  end connections
  sysctl [NAME[=VALUE]] show and set the sysctls of IPVS
  realserver            make this host a real server for direct routing or tunnels, or no longer
  rules [import FILE]   the rules that give marks; take over those of this host's iptables
  explain PACKET        what would become of a packet, step by step, without sending it
  doctor [--fix]        what would not work on this host, as director or real server, and why
  unload                remove everything of ours from this network namespace, connections included
  lab NAME              an experiment in network namespaces of its own, with real traffic
  help [COMMAND]        more on a command; \`lvs help ipvsadm\`, \`lvs help iptables\`: what ours are about
  --help, -h            this text, or behind a command that of the command
  --version, -v         the version

Adding the first service with ipvsadm attaches to all interfaces. Interfaces that come later are attached by the next
command that changes something, or by \`lvs attach\`.

Environment:
  LVS_STATE_DIRECTORY   where state is pinned (/run/lvs)
  LVS_CACHE_DIRECTORY   where compiled programs are kept (/var/cache/lvs)
  LVS_CONNECTIONS       size of the connection table when it is first made (262144)

Exit status: 0 done; 1 it could not be done; 2 wrong usage.
`;

const FILTER_HELP = `Filters. Said several times, any of its values will do; of different ones all must hold.
  -t, --tcp-service VIP[:PORT]   connections of TCP services there; -u, --udp-service and --sctp-service likewise
  -f, --mark MARK                connections of the services by that firewall mark
  -p, --protocol PROTOCOL        tcp, udp, sctp, ah, esp, or ip (templates of services by mark)
  -c, --client ADDRESS           by client
      --vip ADDRESS              by the address that the client asked for
  -r, --server ADDRESS           by real server
  -s, --state STATE[,STATE…]     ESTABLISHED, TIME_WAIT, UDP… as listed
      --templates                persistence templates only

An ADDRESS is one of 192.0.2.1, 192.0.2.0/24, 192.0.2.1:80, 192.0.2.0/24:80, 2001:db8::1, 2001:db8::/32,
[2001:db8::1]:80 or :80.
`;

/** The labs there are, behind the help on them. */
export function labList(labs: ReadonlyMap<string, string>): string {
  const width = Math.max(...[...labs.keys()].map((name) => name.length));
  return ["", "Labs:", ...[...labs].map(([name, about]) => `  ${name.padEnd(width)}   ${about}`), ""].join(
    "\n",
  );
}

/** What \`lvs help TOPIC\` prints. */
export const TOPIC_HELP: Readonly<Record<Topic, string>> = {
  attach: `Usage: lvs attach [IF…]

Attaches the datapath to these interfaces, or to all of this network namespace that can have it; also to those that
\`lvs detach\` has taken it off.
`,
  detach: `Usage: lvs detach [IF…]

Takes the datapath off these interfaces, or off all. Services and connections stay; packets pass as if there were no
balancer, until \`lvs attach\`. Said before the first service, that leaves these interfaces alone.
`,
  status: `Usage: lvs status [--json]

Shows whether the director works: the program, the clock, attached interfaces, how full the tables are, what the
datapath counted about itself, which features the kernel lacks, and sysctls of the kernel that stand in the way.
`,
  connections: `Usage: lvs connections [--json] [FILTER…]

Lists connections and persistence templates. \`--json\`: one array, an object for each; docs/lvs.md describes it.

${FILTER_HELP}`,
  flush: `Usage: lvs flush FILTER…
       lvs flush --all

Ends connections and persistence templates, and says how many. A client's next packet is treated as that of a new
connection. \`lvs connections\` with the same filter shows beforehand what would end.

${FILTER_HELP}`,
  sysctl: `Usage: lvs sysctl [-n] [--json] [-a | NAME…]
       lvs sysctl [-q] NAME=VALUE…

Shows and sets the sysctls of IPVS, as sysctl(8) does those of the kernel. A NAME is net.ipv4.vs.conn_reuse_mode,
net/ipv4/vs/conn_reuse_mode or conn_reuse_mode. Without any, all are shown.

  -a, --all      all of them
  -n, --values   values without names
  -q, --quiet    do not show what was set
      --json     one object: the values by full name
  -w, --write    all that follows is NAME=VALUE
`,
  realserver: REALSERVER_HELP,
  rules: `Usage: lvs rules
       lvs rules import FILE|- [-4|-6] [--replace] [--dry-run]
       lvs rules import --live [--replace] [--dry-run]

Shows the rules that give marks, of both families, as \`iptables -t mangle -S\` does; they are changed with our
iptables.

\`import\` takes over what an iptables has: the rules of the chain PREROUTING of the table mangle, and of the chains
that it goes to. It says which it took, and which it could not take and why. The rules there stay as they are.

  FILE         what iptables-save or ip6tables-save wrote, or both one after the other; - is the standard input
  --live       what the system's iptables and ip6tables have now
  -4, -6       the family of text that does not say it (IPv4)
  --replace    put them in place of rules of ours that are there already; without it, such rules make it refuse
  --dry-run    only say what would be taken, or that it would refuse

Exit status: 0 all was taken; 1 something was not, or nothing could be.
`,
  iptables: `Our iptables and ip6tables, with their -save and -restore, take the rules that give packets their firewall
marks, in iptables' own words: table mangle, chain PREROUTING and chains of your own. The datapath is ahead of
netfilter, so the system's rules come too late for it; a service by mark (ipvsadm -f) looks at the marks of these.

  iptables -t mangle -A PREROUTING -p tcp -d 192.0.2.1 --dport 80 -j MARK --set-mark 1
  iptables -t mangle -L -n -v

Commands for other tables are handed to the system's iptables. \`iptables -h\` tells what there is, docs/iptables.md
more.
`,
  explain: `Usage: lvs explain -p tcp|udp|sctp|icmp|ah|esp --src ADDRESS[:PORT] --dst ADDRESS[:PORT] [OPTION…]

Runs the datapath on such a packet, over a copy of the director's tables, and tells what would become of it and why: the
service, the connection, template or scheduler's choice with the numbers it compared, the rewrite, the next hop. Nothing
is sent, and nothing of the director changes. docs/explain.md has examples, and describes the JSON.

  -p, --protocol PROTOCOL   tcp, udp, sctp (an INIT), icmp (an echo request), ah, esp
  -s, --src ADDRESS:PORT    where it comes from: a client, or a real server that answers one
  -d, --dst ADDRESS:PORT    where it goes to; IPv6 as [2001:db8::1]:80; no port with icmp, ah and esp
  -i, --iface IF            the interface that it comes in by (the one towards its source; what this host sends
                            to itself comes in by lo, what it sends elsewhere by none)
      --mark N              firewall mark that it carries
      --flags FLAG[,FLAG…]  SYN, ACK, FIN, RST, PSH, URG, ECE, CWR or none (ACK, if there is a connection; else SYN)
      --length BYTES        of the IP packet (as short as can be)
      --df                  it must not be fragmented
      --mac ADDRESS         the frame's destination (the interface's own address)
      --json                one object

Exit status: 0, whatever would become of the packet; 1 it could not be found out; 2 wrong usage.
`,
  doctor: `Usage: lvs doctor [--fix] [--json] [--role director|realserver] [--vip VIP]… [--director DIP]… [--no-probe]

Looks at this network namespace and says what would not work, or may not, why, and which command mends it. Without
services it looks at the host as a real server. docs/doctor.md describes each finding by its code.

      --fix            run the commands that take nothing away: sysctls, lvs attach, offloads of interfaces
      --json           one array, an object for each finding
      --role ROLE      look at it as "director" or "realserver"
      --vip VIP        a virtual address that this real server ought to have; may be said several times
      --director DIP   an address of this real server's director; may be said several times
      --no-probe       do not ask: no connections to real servers, no ARP for virtual addresses

Exit status: 0 nothing is wrong (notes do not count), or all of it was mended; 1 errors or warnings are left;
2 wrong usage.
`,
  unload: `Usage: lvs unload

Removes everything of ours from this network namespace: the datapath from all interfaces, services and connections.
`,
  lab: `Usage: lvs lab NAME [VARIANT] [--keep | --remove]

Builds a network of namespaces, sends real traffic through it, says what happened, and takes it down again. Nothing
outside of the namespaces is touched. docs/tutorial.md walks through all of them.

  --keep     leave it up and say how to enter it
  --remove   take down one that was left up
`,
  ipvsadm: `Our ipvsadm takes the command lines of ipvsadm 1.31, and has FullNAT beyond it. Both ends of a connection are
translated: real servers see an address of the director as their peer, and need no route back to the client.

  ipvsadm -a|e SERVICE -r SERVER --fullnat        a real server behind FullNAT; its port may differ
  ipvsadm -P|--add-laddr SERVICE -z LIP           give a service a local address: what its servers see as their peer
  ipvsadm -Q|--del-laddr SERVICE -z LIP           take it away
  ipvsadm -G|--get-laddr [SERVICE] [-n]           local addresses, and how many connections use each
  -z, --local-address, --laddr LIP                without any, the director's own address towards the server is used

  ipvsadm -A|E TCP-SERVICE --toa                  tell servers the client's address in TCP option 254
  ipvsadm -A|E TCP-SERVICE --proxy-protocol v2    tell it in a PROXY protocol header; "disable" is the default

SERVICE is -t, -u or --sctp-service with VIP:PORT, or -f MARK [-6]. The short option -b is 1.31's --sched-flags.
`,
};
