/** Targets of iptables after which a packet goes on to the next rule: iptables-extensions(8). */
export const CONTINUING_TARGETS: ReadonlySet<string> = new Set(
  (
    "AUDIT CHECKSUM CLASSIFY CONNMARK CONNSECMARK CT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MARK NFLOG NOTRACK RATEEST SECMARK SET SNPT " +
    "TCPMSS TCPOPTSTRIP TEE TOS TRACE TTL ULOG"
  ).split(" "),
);
