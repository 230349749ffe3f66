/**
 * rp_filter: whether an interface takes packets whose answers leave by another. Strict (1), it does not. Loose (2), it takes what
 * there is any way back to; but where the interface has no IPv4 address at all, Linux then takes nothing. Off (0), it takes all.
 * The larger counts of an interface's own value and that of "all".
 */
import { effective, interfaceSysctl, type RealServerFacts } from "./facts.ts";
import { isVersion6, type Requirement, type Step } from "./model.ts";
import { change, own } from "./sysctl-step.ts";

const NAME = "rp_filter";
const STRICT = 1;
const LOOSE = 2;

/** That these interfaces take packets whose answers leave by another. */
export function reversePath(facts: RealServerFacts, entries: readonly string[]): Requirement {
  const wrong = entries.filter((link) => !admits(facts, link));
  const bare = entries.filter((link) => !hasAddress(facts, link));
  const met = wrong.length === 0;
  const why = wrong.map((link) =>
    effective(facts, link, NAME) === STRICT
      ? `strict at ${link}`
      : `loose at ${link}, which has no IPv4 address and so takes nothing`,
  );
  // Those whose values are changed for an interface without an address.
  const others = bare.length === 0 ? [] : ["all", ...facts.links.map(({ name }) => name)];
  return {
    ...{ name: NAME, met, essential: true },
    found: met
      ? `${NAME} lets in what is answered by another way: ${entries.join(", ")}`
      : `${NAME} is ${why.join(", ")}`,
    steps: loosen(facts, wrong),
    links: wrong,
    sysctls: [...new Set([...entries, ...others])].map((link) => interfaceSysctl(link, NAME)),
  };
}

function admits(facts: RealServerFacts, link: string): boolean {
  const value = effective(facts, link, NAME);
  return value === 0 || (value === LOOSE && hasAddress(facts, link));
}

function hasAddress({ addresses }: RealServerFacts, name: string): boolean {
  return addresses.some(({ address, link }) => link === name && !isVersion6(address));
}

/** An interface without an address needs 0 for "all", too: then all others get for themselves what they had from it. */
function loosen(facts: RealServerFacts, wrong: readonly string[]): Step[] {
  const loose = wrong.filter((link) => hasAddress(facts, link));
  const off = wrong.filter((link) => !hasAddress(facts, link));
  const steps = loose.map((link) => change(facts, link, NAME, LOOSE));
  const all = own(facts, "all", NAME);
  if (off.length > 0 && all > 0) {
    const others = facts.links.map(({ name }) => name).filter((name) => !wrong.includes(name));
    const weaker = others.filter((name) => own(facts, name, NAME) < all);
    steps.push(...weaker.map((name) => change(facts, name, NAME, all)), change(facts, "all", NAME, 0));
  }
  const strict = off.filter((link) => own(facts, link, NAME) > 0);
  return [...steps, ...strict.map((link) => change(facts, link, NAME, 0))];
}
