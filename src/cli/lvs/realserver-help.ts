/** What `lvs help realserver` prints. */
export const REALSERVER_HELP = `Usage: lvs realserver start --vip VIP [--vip VIP…] [OPTION…]
       lvs realserver stop --vip VIP [--vip VIP…] [--dry-run] [--json]
       lvs realserver status [--vip VIP…] [OPTION…]

\`start\` makes this host a real server for virtual addresses: each on lo with a host mask, arp_ignore and arp_announce
so that only the director answers for it, and for tunnels a program that takes packets out of them. All of it or
nothing; what is there already stays as it is. \`stop\` puts everything back as it was. \`status\` says what is there and
what is missing, whoever made it; without --vip, of all virtual addresses.

      --vip VIP          a virtual address, IPv4 or IPv6
      --mode dr|tun      how the director sends: directly (ipvsadm -g), or in tunnels (-i). Default: dr
      --interface IF     where the director's packets come in. Default: any; for tunnels all Ethernet interfaces
      --gue-port PORT    the port of \`ipvsadm --tun-type gue --tun-port PORT\`. Default: 6080
      --tun-type TYPE…   take only these out: ipip, gue, gre, separated by commas. Default: all
      --dry-run          print the commands that do the same, and change nothing
      --json             print objects; docs/realserver.md describes them

Exit status of \`status\`: 0 if nothing essential is missing, else 1.
`;
