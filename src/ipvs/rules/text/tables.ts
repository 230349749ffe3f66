/** Tables of iptables that are the system's alone. */
export const FOREIGN_TABLES: readonly string[] = ["filter", "nat", "raw", "security"];
/** All of them: of mangle, ours is ahead of the system's. */
export const TABLES: readonly string[] = ["mangle", ...FOREIGN_TABLES];
