import type { RealServerChange, RealServerStatus } from "../../ipvs/realserver/real-server.ts";

/** What `lvs realserver start` and `stop` print: a line for each address, and notes on what was left alone. */
export function changeText(action: "start" | "stop", { outcomes }: RealServerChange): string {
  const words = {
    start: ["is set up", "is set up already"],
    stop: ["is taken down", "was not set up by lvs: nothing to do"],
  }[action];
  const lines = outcomes.flatMap(({ vip, changed, notes }) => [
    `${vip} ${changed ? words[0] : words[1]}`,
    ...notes.map((note) => `  ${note}`),
  ]);
  return `${lines.join("\n")}\n`;
}

const MODES = { dr: "direct routing", tun: "tunnels" } as const;

/** What `lvs realserver status` prints. */
export function statusesText(statuses: readonly RealServerStatus[]): string {
  if (statuses.length === 0) return "this host is a real server for no virtual address\n";
  return statuses.map(statusText).join("\n");
}

function statusText({ vip, mode, complete, started, packets, requirements }: RealServerStatus): string {
  const by = started ? ", set up by lvs" : "";
  const head = `${vip} for ${MODES[mode]}: ${complete ? "complete" : "INCOMPLETE"}${by}`;
  const lines = requirements.map(({ name, met, essential, found, commands }) => {
    const mark = met ? "ok" : essential ? "MISSING" : "not needed";
    const mend = met || !essential ? [] : commands.map((command) => `${" ".repeat(27)}${command}`);
    return [`  ${name.padEnd(13)} ${mark.padEnd(10)} ${found}`, ...mend].join("\n");
  });
  if (packets !== null) lines.push(`  ${"packets".padEnd(24)} ${packets} taken out of tunnels`);
  return `${[head, ...lines].join("\n")}\n`;
}
