import { requireRoot } from "../director/kernel-administration.ts";
import { NamespaceState } from "../director/namespace-state.ts";
import { choosePlaces, type DirectorOptions } from "../director/places.ts";
import { refreshBehind } from "../director/refresh-behind.ts";
import { fromSystem } from "../director/system-errors.ts";
import type { Family } from "../model.ts";
import type { RuleAdministration } from "./administration.ts";
import { emptyRuleSet, type RuleSet } from "./model.ts";
import { isEmpty, TableRules } from "./table-rules.ts";

/** The rules of the calling thread's network namespace. Nothing is made before the first change. Throws IpvsError: EPERM without root. */
export function openRules(options: DirectorOptions = {}): RuleAdministration {
  requireRoot();
  return fromSystem("open", () => new KernelRules(new NamespaceState(choosePlaces(options))));
}

class KernelRules implements RuleAdministration {
  readonly #state: NamespaceState;

  constructor(state: NamespaceState) {
    this.#state = state;
  }

  ruleSet(family: Family): RuleSet {
    return fromSystem("list", () =>
      this.#state.read((present) =>
        present === null ? emptyRuleSet(family) : new TableRules(present.plane).ruleSet(family),
      ),
    );
  }

  change(family: Family, change: (present: RuleSet) => RuleSet): void {
    let thrown: { readonly error: unknown } | null = null;
    const asked = (present: RuleSet): RuleSet => {
      try {
        return change(present);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    /** What becomes of no rules, once that has been asked. */
    let first: RuleSet | null = null;
    try {
      fromSystem("change-rules", () =>
        this.#state.change(
          () => {
            first = asked(emptyRuleSet(family));
            return !isEmpty(first);
          },
          (present) => {
            if (present === null) return;
            new TableRules(present.plane).change(family, (rules) =>
              first !== null && isEmpty(rules) ? first : asked(rules),
            );
            refreshBehind(present.datapath);
          },
        ),
      );
    } catch (error) {
      // What the caller threw is the caller's, and not of the system below.
      throw thrown === null ? error : (thrown as { readonly error: unknown }).error;
    }
  }

  close(): void {
    this.#state.close();
  }
}
