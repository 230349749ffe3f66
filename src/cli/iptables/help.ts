import type { IptablesProgram } from "./environment.ts";
import { VERSION } from "./messages.ts";

/** What `iptables -h` prints: what there is of it. */
export function help(program: IptablesProgram): string {
  const isIpv6 = program.startsWith("ip6");
  const fragment = isIpv6 ? "" : "  [!] -f                     second and further fragments\n";
  return `${program} ${VERSION}: rules that give packets their firewall marks, ahead of the datapath

Usage: ${program} -t mangle COMMAND [OPTION…]

  -A CHAIN RULE              append; -C: is it there?; -D: delete
  -I CHAIN [NUMBER] RULE     insert (1: first)
  -R CHAIN NUMBER RULE       replace
  -D CHAIN NUMBER            delete by number
  -L [CHAIN [NUMBER]]        list; with -n numeric, -v counters, -x exact counters, --line-numbers
  -S [CHAIN [NUMBER]]        print as commands
  -F [CHAIN]                 delete all rules
  -Z [CHAIN [NUMBER]]        zero counters
  -N CHAIN, -X [CHAIN]       make and delete chains; -E OLD NEW: rename
  -P PREROUTING ACCEPT|DROP  policy

Rules:
  [!] -s, -d ADDRESS[/MASK]  source, destination; several with commas between them become several rules
  [!] -i NAME[+]             interface
  [!] -p PROTOCOL            by name or number
${fragment}  -p tcp, udp, sctp          [!] --sport, --dport PORT[:PORT]; tcp: [!] --syn, [!] --tcp-flags MASK SET
  -m multiport               [!] --sports, --dports, --ports PORT[,PORT:PORT…], up to 15
  -m mark                    [!] --mark VALUE[/MASK]
  -m comment                 --comment TEXT
  -j MARK                    --set-mark, --set-xmark VALUE[/MASK], --and-mark, --or-mark, --xor-mark BITS
  -j ACCEPT, DROP, RETURN    -j CHAIN: go through that chain; -g CHAIN: and do not come back
  -c PACKETS BYTES           counters to begin with

There are the chain PREROUTING and chains of your own. Commands for other tables are those of the system's ${program}, which
is run for them. docs/iptables.md tells more.
`;
}
