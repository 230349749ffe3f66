/** Values of the Ethernet type field that are of use here. */
export const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const;

/** Values of IPv4's protocol and IPv6's next-header field that are of use here. */
export const PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  IPIP: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  NO_NEXT: 59,
  DESTINATION_OPTIONS: 60,
  VRRP: 112,
  SCTP: 132,
} as const;

/** The addresses that the checksum of an upper-layer packet includes. */
export interface AddressPair {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** How to write a packet; everything has a sound default. */
export interface EmitOptions {
  /** This instead of the right checksum, to make broken packets or leave it to the hardware. */
  readonly checksum?: number;
}
