/**
 * What the project needs of Linux: system calls through the C library, namespaces, netlink, raw sockets, sysctls.
 * Nothing here knows of load balancing.
 */
export * from "./arp-probe.ts";
export * from "./bpf-syscall.ts";
export * from "./bpffs.ts";
export * from "./capabilities.ts";
export * from "./connect-probe.ts";
export * from "./errno.ts";
export * from "./ethtool.ts";
export * from "./ethtool-features.ts";
export * from "./file-lock.ts";
export * from "./files.ts";
export * from "./host-names.ts";
export * from "./kernel-release.ts";
export * from "./libc.ts";
export * from "./make-directory.ts";
export * from "./memory.ts";
export * from "./mount-namespace.ts";
export { readNameFile } from "./name-file.ts";
export * from "./namespace.ts";
export { CLONE, setns, unshare } from "./namespace-calls.ts";
export * from "./netlink/index.ts";
export * from "./networks.ts";
export * from "./packet-socket.ts";
export * from "./poll.ts";
export * from "./prctl.ts";
export * from "./protocols.ts";
export * from "./services.ts";
export * from "./socket-address.ts";
export * from "./sockets.ts";
export * from "./spawn-in-namespace.ts";
export * from "./sysctl.ts";
export * from "./system-program.ts";
