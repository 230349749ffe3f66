/** What each executable does. Each loads only what it needs. */
import type { Administration } from "../ipvs/administration.ts";
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
  const [{ runLvs }, { ClosedOutputError, writeStandard }] = await Promise.all([
    import("./lvs/run.ts"),
    import("./standard-streams.ts"),
  ]);
  let director: Administration | undefined;
  try {
    process.exitCode = await runLvs(process.argv.slice(2), {
      stdout: (text) => writeStandard("stdout", text),
      stderr: (text) => writeStandard("stderr", text),
      administration: async () => {
        const { openAdministration } = await import("../ipvs/index.ts");
        director ??= openAdministration();
        return director;
      },
    });
  } catch (error) {
    if (!(error instanceof ClosedOutputError)) throw error;
    process.exitCode = error.exit;
  } finally {
    director?.close();
  }
}
