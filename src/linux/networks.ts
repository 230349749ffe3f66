import { parseIpv4 } from "../net/index.ts";
import { readNames } from "./name-file.ts";

/** The IPv4 networks in the text of a networks file, networks(5): lines of `name address alias… # comment`; by every name. */
export function parseNetworks(text: string): ReadonlyMap<string, Uint8Array> {
  return new Map(
    readNames(text).flatMap(([name, number, ...aliases]) => {
      const parts = (number ?? "").split(".");
      const address = parseIpv4([...parts, "0", "0", "0"].slice(0, 4).join("."));
      return address === undefined ? [] : [name!, ...aliases].map((each) => [each, address] as const);
    }),
  );
}
