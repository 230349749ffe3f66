/** The directors that are compared: ip_vs with ipvsadm, and ours. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { runIpvsadm } from "../../src/cli/ipvsadm/run.ts";
import { systemNames } from "../../src/cli/system-names.ts";
import type { Administration } from "../../src/ipvs/administration.ts";
import { openAdministration, unload } from "../../src/ipvs/index.ts";
import { inNetworkNamespace, writeSysctl } from "../../src/linux/index.ts";
import { attachMark, type MarkRule, marksComeFirst } from "./mark.ts";

/** What a command said. */
export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A director in a network namespace. */
export interface Director {
  readonly name: string;
  /** Runs ipvsadm with these words and standard input. */
  ipvsadm(words: readonly string[], input?: string): Answer;
  /** Sets one of the sysctls of IPVS, by its name below net.ipv4.vs. */
  sysctl(name: string, value: number): void;
  /** Gives packets to this destination (address, and port unless 0) a firewall mark, before balancing. */
  mark(rule: MarkRule): void;
  close(): void;
}

const REFERENCE = ["/usr/sbin/ipvsadm", "/sbin/ipvsadm"].find((path) => existsSync(path));

/** Whether this machine has both the tool and the module. */
export function hasReference(): boolean {
  return REFERENCE !== undefined && existsSync("/proc/net/ip_vs");
}

/** ip_vs of the kernel, administered with the ipvsadm that is installed. */
export function referenceDirector(namespace: string): Director {
  const run = (command: string, words: readonly string[], input = ""): Answer => {
    const { status, stdout, stderr, error } = inNetworkNamespace(namespace, () =>
      spawnSync(command, words, { encoding: "utf8", input }),
    );
    if (error !== undefined) throw error;
    return { status: status ?? -1, stdout, stderr };
  };
  return {
    name: "ip_vs",
    ipvsadm: (words, input) => run(REFERENCE!, words, input),
    sysctl: (name, value) => inNetworkNamespace(namespace, () => writeSysctl(`net.ipv4.vs.${name}`, value)),
    mark({ family, protocol, destination, port, mark }) {
      const program = family === 4 ? "iptables" : "ip6tables";
      const match = ["-p", protocol, "-d", destination, ...(port === 0 ? [] : ["--dport", String(port)])];
      const target = ["-j", "MARK", "--set-mark", String(mark)];
      const { status, stderr } = run(program, ["-t", "mangle", "-A", "PREROUTING", ...match, ...target]);
      if (status !== 0) throw new Error(`${program}: ${stderr}`);
    },
    close: () => void run(REFERENCE!, ["-C"]),
  };
}

/** Our ipvsadm: the command's own code, in this process, which spares starting one for each line. */
export function ourIpvsadm(
  administration: () => Administration,
  words: readonly string[],
  input = "",
): Answer {
  let stdout = "";
  let stderr = "";
  const status = runIpvsadm(words, {
    administration,
    stdin: () => input,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    names: systemNames(),
  });
  return { status, stdout, stderr };
}

/** Ours, in the kernel. */
export function ourDirector(namespace: string, connections: number): Director {
  let administration: Administration | undefined;
  const open = () => (administration ??= openAdministration({ connections }));
  const rules: MarkRule[] = [];
  const attached: { close(): void }[] = [];
  const attachMarks = () => {
    const base = attached.length;
    for (const [i, rule] of rules.splice(0).entries()) {
      attached.push(attachMark(namespace, "outside", rule, base + i));
    }
  };
  return {
    name: "lvs",
    ipvsadm(words, input) {
      const answer = inNetworkNamespace(namespace, () => ourIpvsadm(open, words, input));
      if (words[0] === "-A" && answer.status === 0) attachMarks();
      return answer;
    },
    sysctl: (name, value) => inNetworkNamespace(namespace, () => open().setSysctl(name, String(value))),
    mark(rule) {
      rules.push(rule);
      if (marksComeFirst()) attachMarks();
    },
    close() {
      for (const each of attached) each.close();
      administration?.close();
      inNetworkNamespace(namespace, () => unload());
    },
  };
}
