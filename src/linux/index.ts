/**
 * What the project needs of Linux: system calls through the C library, namespaces, netlink, sysctls. Nothing here
 * knows of load balancing.
 */
export * from "./bpf-syscall.ts";
export * from "./bpffs.ts";
export * from "./errno.ts";
export * from "./file-lock.ts";
export * from "./files.ts";
export * from "./libc.ts";
export * from "./memory.ts";
export * from "./mount-namespace.ts";
export * from "./namespace.ts";
export { CLONE, setns, unshare } from "./namespace-calls.ts";
export * from "./poll.ts";
export * from "./prctl.ts";
export * from "./sockets.ts";
export * from "./spawn-in-namespace.ts";
