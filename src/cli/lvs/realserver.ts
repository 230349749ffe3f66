/** `lvs realserver`. */
import {
  type RealServerChange,
  type RealServerRequest,
  realServerStatus,
  setUpRealServer,
  takeDownRealServer,
} from "../../ipvs/realserver/real-server.ts";
import type { RealServerCommand } from "./realserver-request.ts";
import { changeText, statusesText } from "./realserver-text.ts";

/** Carries it out and writes what a person or program wants to know. Whether all is well: the exit status. */
export function runRealServer(command: RealServerCommand, stdout: (text: string) => void): boolean {
  const { action, vips, dryRun, json } = command;
  const request = requestOf(command);
  const print = (value: unknown, text: string): void =>
    stdout(json ? `${JSON.stringify(value, null, 2)}\n` : text);
  if (action === "status") {
    const statuses = realServerStatus(request);
    print(statuses, statusesText(statuses));
    return statuses.length > 0 && statuses.every(({ complete }) => complete);
  }
  const change =
    action === "start" ? setUpRealServer(request, { dryRun }) : takeDownRealServer(vips, { dryRun });
  print(changeJson(change, dryRun), dryRun ? commandsText(change) : changeText(action, change));
  return action === "start" || change.outcomes.every(({ remains, changed }) => changed || !remains);
}

function requestOf({ vips, mode, interfaces, guePort, types }: RealServerCommand): RealServerRequest {
  return {
    vips,
    mode,
    interfaces,
    tunnel: { ...(guePort === undefined ? {} : { guePort }), ...(types === undefined ? {} : { types }) },
  };
}

function changeJson({ outcomes, commands }: RealServerChange, dryRun: boolean) {
  return { dryRun, addresses: outcomes, commands };
}

function commandsText({ commands, outcomes }: RealServerChange): string {
  const notes = outcomes.flatMap((outcome) => outcome.notes.map((note) => `# ${note}`));
  const lines = [...commands, ...notes];
  return `${(lines.length === 0 ? ["# nothing to do"] : lines).join("\n")}\n`;
}
