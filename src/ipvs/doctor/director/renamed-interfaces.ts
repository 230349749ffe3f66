import type { InterfaceMatch } from "../../rules/model.ts";
import type { Finding } from "../finding.ts";
import { type DirectorCheck, findLink, refreshDatapath } from "./view.ts";

/** Whether rules of our own know interfaces by the names that they have: commands look them up, packets do not. */
export const checkRenamedInterfaces: DirectorCheck = ({ formerNames, ruleInterfaces }, host) =>
  [...formerNames].flatMap(([name, former]): Finding[] => {
    const affected = ruleInterfaces.filter((each) => matches(each, name) !== matches(each, former));
    if (affected.length === 0 || findLink(host, name)?.datapath !== "attached") return [];
    return [
      {
        code: "interface-renamed",
        severity: "error",
        where: name,
        what: `Rules of ours know the interface as ${former}, which it was called before.`,
        why: `What comes in there is matched by the old name, and rules ask for it: ${texts(affected)}. Packets get other marks than the rules say, or none.`,
        remedy: refreshDatapath(host),
      },
    ];
  });

function matches({ negated, name, isPrefix }: InterfaceMatch, link: string): boolean {
  return (isPrefix ? link.startsWith(name) : link === name) !== negated;
}

function texts(asked: readonly InterfaceMatch[]): string {
  const all = asked.map(
    ({ negated, name, isPrefix }) => `${negated ? "! " : ""}-i ${name}${isPrefix ? "+" : ""}`,
  );
  return [...new Set(all)].join(", ");
}
