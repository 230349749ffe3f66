/** A rule set as the bytes that the datapath evaluates. */
import {
  ACTION_ACCEPT,
  ACTION_DROP,
  EXTRA_WORDS,
  EXTRAS_A_SET,
  RULES_A_SET,
  RuleElement,
  RuleExtra,
} from "../../kernel/tables.ts";
import { type Element, elementsOf } from "./elements.ts";
import type { Chain, Rule, RuleSet } from "./model.ts";
import { examine } from "./paths.ts";
import { noRoom } from "./refusal.ts";

/** Elements and extras back to back, and what a `RulePlace` says of them. */
export interface CompiledRules {
  readonly elements: Uint8Array;
  readonly extras: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly policy: number;
  readonly drops: boolean;
}

/**
 * Compiles a rule set that is valid (validate.ts). `counterOf`: the number of each rule's counter. Throws IpvsError EINVAL: it cannot be carried out; ENOSPC: it is
 * too large.
 */
export function compileRules(set: RuleSet, counterOf: (rule: Rule) => number): CompiledRules {
  const elements = new Map<Chain, readonly (readonly Element[])[]>(
    set.chains.map((chain) => [chain, chain.rules.map(elementsOf)]),
  );
  const { drops } = examine(set, (chain) => elements.get(chain)!.map((each) => each.length));
  const places = new Map<string, { readonly start: number; readonly end: number }>();
  let count = 0;
  for (const chain of set.chains) {
    const start = count;
    for (const each of elements.get(chain)!) count += each.length;
    places.set(chain.name, { start, end: count });
  }
  if (count > RULES_A_SET) {
    throw noRoom(`there is no room for so many rules: they take ${count} elements of ${RULES_A_SET}`);
  }
  const extras = new Extras();
  const bytes = new Uint8Array(count * RuleElement.size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const chain of set.chains) {
    for (const [index, rule] of chain.rules.entries()) {
      const parts = elements.get(chain)![index]!;
      const next = at + parts.length;
      for (const element of parts) {
        writeElement(view, at * RuleElement.size, element, extras);
        const { action } = element;
        const target = "chain" in action ? places.get(action.chain)! : null;
        const field = RuleElement.field;
        const offset = at * RuleElement.size;
        view.setUint8(offset + field.action.offset, action.action);
        const first = target?.start ?? ("first" in action ? action.first : 0);
        const second = target?.end ?? ("second" in action ? action.second : 0);
        view.setUint32(offset + field.first.offset, first, true);
        view.setUint32(offset + field.second.offset, second, true);
        view.setUint32(offset + field.next.offset, next, true);
        view.setUint32(offset + field.counter.offset, counterOf(rule), true);
        at += 1;
      }
    }
  }
  const builtin = set.chains[0]!;
  return {
    elements: bytes,
    extras: extras.bytes(),
    ...places.get(builtin.name)!,
    policy: builtin.policy === "drop" ? ACTION_DROP : ACTION_ACCEPT,
    drops,
  };
}

function writeElement(view: DataView, offset: number, element: Element, extras: Extras): void {
  const field = RuleElement.field;
  const word = (name: keyof typeof field, value: number) =>
    view.setUint32(offset + field[name].offset, value, true);
  const half = (name: keyof typeof field, value: number) =>
    view.setUint16(offset + field[name].offset, value, true);
  const { source, sourceMask, destination, destinationMask } = element;
  const isWide = (source ?? destination)?.length === 16;
  if (isWide) {
    half(
      "addresses",
      extras.numberOf([source, sourceMask, destination, destinationMask].flatMap((each) => wordsOf(each, 4))),
    );
  } else {
    word("source", wordsOf(source, 1)[0]!);
    word("sourceMask", wordsOf(sourceMask, 1)[0]!);
    word("destination", wordsOf(destination, 1)[0]!);
    word("destinationMask", wordsOf(destinationMask, 1)[0]!);
  }
  half("asks", element.asks);
  half("inverts", element.inverts);
  view.setUint8(offset + field.protocol.offset, element.protocol);
  view.setUint8(offset + field.flagsMask.offset, element.flagsMask);
  view.setUint8(offset + field.flags.offset, element.flags);
  half("sourceFirst", element.sourcePorts?.first ?? 0);
  half("sourceLast", element.sourcePorts?.last ?? 0);
  half("destinationFirst", element.destinationPorts?.first ?? 0);
  half("destinationLast", element.destinationPorts?.last ?? 0);
  word("mark", element.mark);
  word("markMask", element.markMask);
  if (element.interface !== null) half("interface", extras.numberOf(element.interface));
  if (element.ports !== null) {
    half("ports", extras.numberOf(element.ports));
    half("portCount", element.ports.length);
  }
}

/** An address's words; of none, zeros. */
function wordsOf(address: Uint8Array | null, count: number): number[] {
  if (address === null) return Array.from({ length: count }, () => 0);
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index));
}

/** The extras of a set: equal ones are one. */
class Extras {
  readonly #numbers = new Map<string, number>();
  readonly #list: (readonly number[])[] = [];

  numberOf(words: readonly number[]): number {
    const key = words.join();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#list.length;
      if (number >= EXTRAS_A_SET)
        throw noRoom(`there is no room for so many different addresses and ports: more than ${EXTRAS_A_SET}`);
      this.#numbers.set(key, number);
      this.#list.push(words);
    }
    return number;
  }

  bytes(): Uint8Array {
    const words = new Uint32Array(this.#list.length * EXTRA_WORDS);
    for (const [index, each] of this.#list.entries()) words.set(each, index * EXTRA_WORDS);
    return new Uint8Array(words.buffer, 0, this.#list.length * RuleExtra.size);
  }
}
