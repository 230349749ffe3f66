/** What `lvs --help` prints. */
export const HELP = `lvs: what the Linux Virtual Server never had. Balancing itself is administered with ipvsadm.

Usage: lvs COMMAND [OPTION…]

  attach [IF…]       attach the datapath to these interfaces, or to all of this network namespace
  detach [IF…]       take it off these interfaces, or off all; services and connections stay
  status [--json]    the program, the kernel's features, attached interfaces, how full the tables are
  unload             remove everything of ours from this network namespace, connections included
  lab NAME           an experiment in network namespaces of its own, with real traffic
      nat              a client, a director and three real servers; NAT, weighted round robin
      --keep           leave it up and say how to enter it
      --remove         take down one that was left up
  --help, -h         this text (also after a command)
  --version, -v      the version

Adding the first service with ipvsadm attaches to all interfaces. Interfaces that come later are attached by the next
command that changes something, or by \`lvs attach\`.

Environment:
  LVS_STATE_DIRECTORY   where state is pinned (/run/lvs)
  LVS_CACHE_DIRECTORY   where compiled programs are kept (/var/cache/lvs)
  LVS_CONNECTIONS       size of the connection table when it is first made (262144)

Exit status: 0 done; 1 it could not be done; 2 wrong usage.
`;
