import { isTarget } from "./extensions/index.ts";
import { usage } from "./rules-error.ts";

/** Bytes of a chain's name, at most. */
export const LONGEST_CHAIN = 28;

/** Throws RulesError for what no chain can be called. */
export function newChainName(name: string): void {
  if (/^[-!]/.test(name)) throw usage(`chain name not allowed to start with \`${name.charAt(0)}'`);
  if (Buffer.byteLength(name) > LONGEST_CHAIN) {
    throw usage(`chain name \`${name}' too long (must be under ${LONGEST_CHAIN + 1} chars)`);
  }
  if (isTarget(name)) throw usage("chain name may not clash with target name");
  if (/\s/.test(name)) throw usage(`Invalid chain name \`${name}'`);
}
