/** What each executable does. Each loads only what it needs. */
import type { IptablesProgram } from "./iptables/environment.ts";

/** The executables. */
export type Program = "ipvsadm" | "ipvsadm-save" | "ipvsadm-restore" | IptablesProgram | "lvs";

/** Runs an executable as this process: words, standard streams, exit status. */
export const COMMANDS: Readonly<Record<Program, () => Promise<void>>> = {
  ipvsadm: async () => {
    const [{ main }, { runIpvsadm }] = await Promise.all([
      import("./ipvsadm/main.ts"),
      import("./ipvsadm/run.ts"),
    ]);
    await main("ipvsadm", runIpvsadm);
  },
  "ipvsadm-save": async () => {
    const [{ main }, { runIpvsadmSave }] = await Promise.all([
      import("./ipvsadm/main.ts"),
      import("./ipvsadm/save-script.ts"),
    ]);
    await main("ipvsadm-save", runIpvsadmSave);
  },
  "ipvsadm-restore": async () => {
    const [{ main }, { runIpvsadmRestore }] = await Promise.all([
      import("./ipvsadm/main.ts"),
      import("./ipvsadm/restore-script.ts"),
    ]);
    await main("ipvsadm-restore", runIpvsadmRestore);
  },
  iptables: () => iptables("iptables"),
  ip6tables: () => iptables("ip6tables"),
  "iptables-save": () => iptables("iptables-save"),
  "ip6tables-save": () => iptables("ip6tables-save"),
  "iptables-restore": () => iptables("iptables-restore"),
  "ip6tables-restore": () => iptables("ip6tables-restore"),
  lvs,
};

async function iptables(program: IptablesProgram): Promise<void> {
  const { main } = await import("./iptables/main.ts");
  await main(program);
}

async function lvs(): Promise<void> {
  const { main } = await import("./lvs/main.ts");
  await main();
}
