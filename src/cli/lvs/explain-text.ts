/** Explanations for people. */
import type { ExplainedServer, Explanation, Step, Verdict } from "../../ipvs/explain/model.ts";
import type { ConnectionEntry, Endpoint } from "../../ipvs/model.ts";
import { serviceId } from "../../ipvs/model.ts";
import { endpointText } from "./connection-text.ts";
import { candidateTable } from "./explain-candidates.ts";

/** How a service is found for a packet. */
const FOUND_BY = {
  mark: "by its mark",
  port: "by address and port",
  "any-port": "by address, any port",
  "ftp-data": "by address, as FTP's data connections",
} as const;

/** `lvs explain`: a line for each step, what it goes by indented, and how it ends. */
export function explanationText(explanation: Explanation): string {
  const { packet, steps, verdict, disagreement } = explanation;
  const flags = packet.flags === null ? "" : ` ${packet.flags.join(",") || "no flags"}`;
  const mark = packet.mark === 0 ? "" : `, mark ${packet.mark}`;
  const way = packet.interface === null ? "of this host itself" : `in by ${packet.interface}`;
  const hasPorts = packet.source.port !== 0 || packet.destination.port !== 0;
  const end = (each: Endpoint) => (hasPorts ? endpointText(each) : each.address);
  const lines = [
    `${packet.protocol}${flags} ${end(packet.source)} > ${end(packet.destination)}, ${packet.length} bytes, ${way}${mark}`,
    "",
    ...steps.flatMap(stepLines),
    "",
    verdictLine(verdict),
    ...countedLines(explanation),
  ];
  if (explanation.ran === "simulator") {
    lines.push("", "told by the simulator alone: in the kernel, copies of the packet would have been sent");
  }
  if (disagreement.length > 0) {
    lines.push("", "THE KERNEL AND THE SIMULATOR DO NOT AGREE, which is a bug of lvs; please report it:");
    lines.push(...disagreement.map((each) => `  ${each}`));
  }
  return `${lines.join("\n")}\n`;
}

/** `lvs explain --json`. */
export function explanationJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, null, 2)}\n`;
}

const TITLE_WIDTH = 11;

function line(title: string, text: string): string {
  return `${title.padEnd(TITLE_WIDTH)} ${text}`;
}

function more(text: string): string {
  return line("", text);
}

function serverText(server: ExplainedServer): string {
  return `${endpointText(server)} (${methodText(server)})`;
}

function methodText({ method, tunnel }: ExplainedServer): string {
  if (tunnel === null) return method;
  return tunnel.type === "gue" ? `tunnel, gue to port ${tunnel.port}` : `tunnel, ${tunnel.type}`;
}

function entryText({
  protocol,
  state,
  source,
  virtual,
  destination,
  local,
  method,
}: ConnectionEntry): string {
  const as = method === "fullnat" ? ` as ${endpointText(local)}` : "";
  return `${protocol} ${state} ${endpointText(source)} > ${endpointText(virtual)}${as} > ${endpointText(destination)}`;
}

function stepLines(step: Step): string[] {
  switch (step.step) {
    case "interface":
      return [
        line(
          "interface",
          step.attached ? `${step.name}, attached` : `${step.name} is NOT ATTACHED: ${step.why}`,
        ),
      ];
    case "rules":
      return rulesLines(step);
    case "rules-remembered":
      return [
        line("rules", "they dropped the first packet of the connection in this direction, and so this one"),
      ];
    case "expected":
      return [line("expected", `an FTP control connection to ${serverText(step.server)} has announced it`)];
    case "own-packet":
      return [
        line(
          "interface",
          step.interface === null ? "comes in by none" : `comes in by none; leaves by ${step.interface}`,
        ),
      ];
    case "not-balanced":
      return [line("not ours", step.why)];
    case "connection": {
      const { entry, after } = step;
      const became = after === null || after.state === entry.state ? "" : `, then ${after.state}`;
      const lives = after === null ? "" : `, lives ${after.expires} s from now on`;
      return [line("connection", entryText(entry)), more(`a packet of the ${step.from}'s${became}${lives}`)];
    }
    case "connection-over":
      return [
        line("connection", `${entryText(step.entry)}, which is over: the packet does not belong to it`),
      ];
    case "opens-nothing":
      return [line("connection", `none, and it opens none: ${step.why}`)];
    case "no-service":
      return noServiceLines(step);
    case "service": {
      const { service, by, scheduler, persistence, onePacket } = step;
      const found = FOUND_BY[by];
      const lasting = persistence === null ? "" : `, persistent ${persistence} s`;
      return [
        line(
          "service",
          `${serviceId(service)}, found ${found}; ${scheduler}${lasting}${onePacket ? ", one-packet" : ""}`,
        ),
      ];
    }
    case "defended":
      return [
        line("defence", `drop_packet: one in ${step.oneIn} that would open connections is dropped, this one`),
      ];
    case "template":
      return step.valid
        ? [line("template", `${entryText(step.entry)}: the client stays with ${serverText(step.server)}`)]
        : [line("template", `${entryText(step.entry)} ends: its server is gone or takes no more`)];
    case "schedule":
      return [
        line("scheduler", `${step.scheduler}: ${step.how}`),
        ...candidateTable(step).map(more),
        more(
          step.chosen === null
            ? "nobody can be chosen"
            : `${step.random ? "for example" : "chosen:"} ${serverText(step.chosen)}`,
        ),
      ];
    case "template-made":
      return [line("template", `is made: ${entryText(step.entry)}`)];
    case "refused":
      return [
        line(
          "refused",
          step.bypass ? "no server is usable; cache_bypass lets it pass" : "no server is usable",
        ),
      ];
    case "connection-made":
      return [line("connection", `is made: ${entryText(step.entry)}`)];
    case "no-local-endpoint":
      return [line("local end", `there is none, or none is free, towards ${serverText(step.server)}`)];
    case "by-itself":
      return [line("connection", byItself(step))];
    case "stateless-reply":
      return [
        line(
          "connection",
          `none; it comes from ${serverText(step.server)}, so it is taken for an answer of a flow without one`,
        ),
      ];
    case "server-gone":
      return [line("server", `${serverText(step.server)} has been removed`)];
    case "rewrite":
      return rewriteLines(step);
    case "next-hop":
      return nextHopLines(step);
  }
}

function byItself({ server, why }: Extract<Step, { step: "by-itself" }>): string {
  const reason = why === "one-packet" ? "one-packet scheduling" : "the connection table is, or was, full";
  if (server.method === "fullnat")
    return `none is made (${reason}), without which nothing goes to ${serverText(server)}`;
  return `none is made (${reason}): it goes to ${serverText(server)} by itself`;
}

function noServiceLines({ services }: Extract<Step, { step: "no-service" }>): string[] {
  if (services.length === 0) return [line("service", "none, nor any other at that address")];
  return [
    line("service", "none; at that address there are"),
    ...services.map((key) => more(`  ${serviceId(key)}`)),
  ];
}

function rulesLines({ matched, policy, mark, dropped }: Extract<Step, { step: "rules" }>): string[] {
  const lines = matched.map(({ chain, number, text }) => `${text}   (${chain} ${number})`);
  if (policy !== null) lines.push(`the policy of PREROUTING: ${policy}`);
  lines.push(dropped ? "they drop it" : `its mark is then ${mark}`);
  return lines.map((text, index) => line(index === 0 ? "rules" : "", text));
}

function rewriteLines({ method, before, after, outer }: Extract<Step, { step: "rewrite" }>): string[] {
  if (outer !== null) {
    const text = outer.type === "gue" ? endpointText : (each: Endpoint) => each.address;
    return [
      line(
        "tunnel",
        `in ${outer.type}, ${text(outer.source)} > ${text(outer.destination)}, ${outer.length} bytes in all`,
      ),
    ];
  }
  const changes = (["source", "destination"] as const).flatMap((end) => {
    const [old, now] = [endpointText(before[end]), endpointText(after[end])];
    return old === now ? [] : [`${end} ${old} becomes ${now}`];
  });
  if (changes.length === 0)
    return [line("rewrite", `nothing but the frame's addresses and the time to live (${method ?? "route"})`)];
  return changes.map((text, index) => line(index === 0 ? "rewrite" : "", text));
}

function nextHopLines(step: Extract<Step, { step: "next-hop" }>): string[] {
  const how = {
    cached: "as the last packet that way",
    asked: "the kernel is asked, as once a second",
    "to-be-resolved": "the kernel knows the way, and would have to resolve the neighbour first",
  }[step.known];
  const to = [step.neighbour, step.mac === null ? null : `at ${step.mac}`]
    .filter((part) => part !== null)
    .join(" ");
  const fits =
    step.mtu === null
      ? `${step.length} bytes`
      : `${step.length} of at most ${step.mtu} bytes${step.length > step.mtu ? ": in fragments" : ""}`;
  return [line("next hop", `${step.interface}${to === "" ? "" : `, ${to}`} (${how})`), more(fits)];
}

const FATES: Readonly<Record<Extract<Verdict, { kind: "kernel" }>["fate"], string>> = {
  "delivered here": "delivered here",
  forwarded: "forwarded",
  sent: "sent",
  "not forwarded": "not forwarded: forwarding is off, so the host drops it",
  unreachable: "unreachable",
};

function verdictLine(verdict: Verdict): string {
  switch (verdict.kind) {
    case "sent":
      return line(
        "SENT",
        `by ${verdict.interface}${verdict.packets > 1 ? ` in ${verdict.packets} fragments` : ""}`,
      );
    case "kernel":
      return line(
        "KERNEL",
        `gets it${verdict.changed ? " translated" : " untouched"} (${FATES[verdict.fate]}): ${verdict.why}`,
      );
    case "dropped":
      return line("DROPPED", verdict.why);
    case "answered": {
      const limit = verdict.mtu === null ? "" : ` (MTU ${verdict.mtu})`;
      const why = verdict.why === null ? "" : `: ${verdict.why}`;
      const text = `its sender gets the ICMP error "${verdict.error}"${limit}, by ${verdict.interface}${why}`;
      return line("ANSWERED", text);
    }
  }
}

function countedLines({ effects }: Explanation): string[] {
  const { counters } = effects;
  if (counters === null) return [];
  const counts: string[] = [];
  if (counters.connections > 0) counts.push(`${counters.connections} connection`);
  if (counters.inPackets > 0) counts.push(`${counters.inPackets} packet in of ${counters.inBytes} bytes`);
  if (counters.outPackets > 0) counts.push(`${counters.outPackets} packet out of ${counters.outBytes} bytes`);
  return [more(`counted for ${endpointText(counters.server)}: ${counts.join(", ")}`)];
}
