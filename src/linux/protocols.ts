import { readNames } from "./name-file.ts";

/** Names of IP protocols, as protocols(5) lists them. */
export interface ProtocolNames {
  /** The number of a protocol by name or alias. */
  number(name: string): number | undefined;
  /** The official name. */
  name(number: number): string | undefined;
}

/** The names in the text of a protocols file: lines of `name number alias… # comment`. */
export function parseProtocols(text: string): ProtocolNames {
  const entries = readNames(text).flatMap(([name, number, ...aliases]) =>
    /^\d+$/.test(number ?? "") ? [{ names: [name!, ...aliases], number: Number(number) }] : [],
  );
  return {
    number: (name) => entries.find(({ names }) => names.includes(name))?.number,
    name: (number) => entries.find((entry) => entry.number === number)?.names[0],
  };
}
