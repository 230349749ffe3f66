/** The kernel's netlink interfaces: links, addresses, routes, neighbours, traffic control, generic families. */
export * from "./address.ts";
export * from "./attribute.ts";
export * from "./generic.ts";
export * from "./link.ts";
export * from "./link-change.ts";
export * from "./message.ts";
export * from "./neighbour.ts";
export * from "./nftables.ts";
export * from "./route.ts";
export * from "./socket.ts";
export * from "./traffic-control.ts";
