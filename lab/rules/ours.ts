/** Our rules as a judge: the programs in the kernel, run on one packet after the other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TC_NEXT, TC_SHOT } from "../../src/bpf/index.ts";
import { type LoadedProgram, openProgram } from "../../src/bpf/loader/index.ts";
import {
  directorStatus,
  openRules,
  type RuleAdministration,
  type RuleSet,
  unload,
} from "../../src/ipvs/index.ts";
import {
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  MNT_DETACH,
  umount,
  withRouteSocket,
} from "../../src/linux/index.ts";
import { type Fate, frameOf, HOST_MAC } from "./judge.ts";
import type { RandomPacket } from "./random-packets.ts";
import { INTERFACES } from "./random-rules.ts";

export class Ours {
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "lvs-rules-"));
  readonly #options;
  readonly #rules: RuleAdministration;
  readonly #indexes = new Map<string, number>();
  /** Where the director's state is pinned. */
  #directory: string | undefined;

  /** Needs root. */
  constructor(prefix: string) {
    this.#options = { stateDirectory: join(this.#folder, "run"), connections: 64 };
    this.#namespace = `${prefix}-ours`;
    createNetworkNamespace(this.#namespace);
    inNetworkNamespace(this.#namespace, () =>
      withRouteSocket((socket) => {
        for (const name of INTERFACES) {
          createVeth(socket, { name, mac: HOST_MAC, up: true }, { name: `p-${name}`, up: true });
          this.#indexes.set(name, linkIndex(socket, name));
        }
      }),
    );
    this.#rules = inNetworkNamespace(this.#namespace, () => openRules(this.#options));
  }

  judge(set: RuleSet, packets: readonly RandomPacket[]): Fate[] {
    return inNetworkNamespace(this.#namespace, () => {
      this.#rules.change(set.family, () => set);
      const program = this.#program();
      try {
        return packets.map((packet, index): Fate => {
          const ifindex = this.#indexes.get(packet.interface)!;
          const data = frameOf(packet, set.family, index + 1);
          const { verdict, context } = program.run({ data, context: { ifindex, mark: packet.mark } });
          if (verdict === TC_SHOT) return null;
          if (verdict !== TC_NEXT) throw new Error(`a packet had the verdict ${verdict}`);
          return context.mark ?? 0;
        });
      } finally {
        program.close();
      }
    });
  }

  /** What the administration says there is. */
  present(family: RuleSet["family"]): RuleSet {
    return inNetworkNamespace(this.#namespace, () => this.#rules.ruleSet(family));
  }

  close(): void {
    this.#rules.close();
    inNetworkNamespace(this.#namespace, () => unload(this.#options));
    deleteNetworkNamespace(this.#namespace);
    umount(join(this.#options.stateDirectory, "bpf"), MNT_DETACH);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #program(): LoadedProgram {
    this.#directory ??= directorStatus(this.#options).directory;
    const program = openProgram(`${this.#directory}/ingress`);
    if (program === null) throw new Error("there is no program");
    return program;
  }
}
