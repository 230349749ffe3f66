import type { MarkGiven } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { type DirectorCheck, serviceText } from "./view.ts";

/** Whether anything gives the marks that services are known by, before the datapath looks at packets. */
export const checkMarks: DirectorCheck = ({ services, markRules }, { firewall }) =>
  services.flatMap(({ service: { key } }): readonly Finding[] => {
    if (key.kind !== "mark") return [];
    const given = (markRules?.[key.family] ?? []).some((each) => canGive(each, key.mark));
    if (given) return [];
    const where = serviceText(key);
    const late = firewall.chains
      .filter(({ family }) => family === null || family === key.family)
      .flatMap(({ rules }) => rules)
      .find(({ mark }) => mark !== null && canGive(mark, key.mark));
    if (late !== undefined) {
      return [
        {
          code: "mark-too-late",
          severity: "error",
          where,
          what: `Its mark is given by netfilter: ${late.text}.`,
          why: "The datapath is before netfilter: it sees packets without that mark, and the service gets none of them.",
          remedy: { kind: "advice", command: "lvs rules import --live" },
        },
      ];
    }
    return [
      {
        code: "mark-without-rule",
        severity: "warning",
        where,
        what: "No rule gives its mark.",
        why: "The service gets no packets, unless another program at the interfaces, or a program's own SO_MARK, gives the mark.",
        remedy: {
          kind: "advice",
          command: `${key.family === 4 ? "iptables" : "ip6tables"} -t mangle -A PREROUTING -d VIP -p tcp --dport PORT -j MARK --set-mark ${key.mark}`,
        },
      },
    ];
  });

/** Whether a rule may make this mark of some other. */
function canGive({ value, mask }: MarkGiven, mark: number): boolean {
  return mask !== 0 && (mark & mask) >>> 0 === (value & mask) >>> 0;
}
