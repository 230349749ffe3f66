/** A rule as the elements that the datapath evaluates (src/kernel/tables/rules.ts), before they have their places. */
import {
  ACTION_ACCEPT,
  ACTION_ALSO,
  ACTION_DROP,
  ACTION_GOTO,
  ACTION_JUMP,
  ACTION_MARK,
  ACTION_NONE,
  ACTION_RETURN,
  ASK_DESTINATION,
  ASK_DESTINATION_PORT,
  ASK_FLAGS,
  ASK_FRAGMENT,
  ASK_IMPOSSIBLE,
  ASK_INTERFACE,
  ASK_LISTED_DESTINATION,
  ASK_LISTED_SOURCE,
  ASK_MARK,
  ASK_PROTOCOL,
  ASK_SCTP_HEADER,
  ASK_SOURCE,
  ASK_SOURCE_PORT,
  ASK_TCP_HEADER,
  ASK_UDP_HEADER,
} from "../../kernel/tables.ts";
import type { AddressMatch, FlagsMatch, InterfaceMatch, Match, PortMatch, Rule, Target } from "./model.ts";

/** What an element does. `first` and `second` of a jump are the chain's place, which is known later. */
export type Action =
  | { readonly action: typeof ACTION_ALSO | typeof ACTION_NONE | typeof ACTION_ACCEPT | typeof ACTION_DROP }
  | { readonly action: typeof ACTION_RETURN }
  | { readonly action: typeof ACTION_MARK; readonly first: number; readonly second: number }
  | { readonly action: typeof ACTION_JUMP | typeof ACTION_GOTO; readonly chain: string };

/** An element without its place. Extras are words. */
export interface Element {
  asks: number;
  inverts: number;
  protocol: number;
  source: Uint8Array | null;
  sourceMask: Uint8Array | null;
  destination: Uint8Array | null;
  destinationMask: Uint8Array | null;
  flagsMask: number;
  flags: number;
  sourcePorts: PortMatch | null;
  destinationPorts: PortMatch | null;
  mark: number;
  markMask: number;
  /** Extras: the interface, and ranges of ports. */
  interface: readonly number[] | null;
  ports: readonly number[] | null;
  action: Action;
}

/** The stages in which an element asks. What a rule asks for must be asked in the rule's order, as packets that are too short are dropped. */
const BASE = 0;
const HEADER = 1;
const TRANSPORT = 2;
const MARK = 3;
const LIST = 4;

const NAME_BYTES = 16;

type Ports = { readonly source: PortMatch | null; readonly destination: PortMatch | null };

function emptyElement(): Element {
  return {
    asks: 0,
    inverts: 0,
    protocol: 0,
    source: null,
    sourceMask: null,
    destination: null,
    destinationMask: null,
    flagsMask: 0,
    flags: 0,
    sourcePorts: null,
    destinationPorts: null,
    mark: 0,
    markMask: 0,
    interface: null,
    ports: null,
    action: { action: ACTION_ALSO },
  };
}

/** Elements of one rule, in their order. */
class Elements {
  readonly list: Element[] = [emptyElement()];
  #stage = BASE;

  /** The element to ask something of that stage. */
  at(stage: number): Element {
    if (stage <= this.#stage) this.list.push(emptyElement());
    this.#stage = stage;
    return this.last;
  }

  get last(): Element {
    return this.list.at(-1)!;
  }
}

function ask(element: Element, what: number, negated: boolean): void {
  element.asks |= what;
  if (negated) element.inverts |= what;
}

/** The elements of a rule, at least one. */
export function elementsOf(rule: Rule): readonly Element[] {
  const elements = new Elements();
  const base = elements.last;
  askAddress(base, "source", ASK_SOURCE, rule.source);
  askAddress(base, "destination", ASK_DESTINATION, rule.destination);
  askInterface(base, rule.input);
  if (rule.protocol !== null) {
    ask(base, ASK_PROTOCOL, rule.protocol.negated);
    base.protocol = rule.protocol.number;
  }
  if (rule.fragment !== null) ask(base, ASK_FRAGMENT, rule.fragment.negated);
  for (const match of rule.matches) askMatch(elements, match);
  elements.last.action = actionOf(rule.target);
  return elements.list;
}

function askAddress(
  element: Element,
  end: "source" | "destination",
  what: number,
  match: AddressMatch | null,
): void {
  if (match === null || (!match.negated && match.mask.every((byte) => byte === 0))) return;
  ask(element, what, match.negated);
  element[end] = match.address.map((byte, index) => byte & match.mask[index]!);
  element[`${end}Mask`] = match.mask;
}

function askInterface(element: Element, match: InterfaceMatch | null): void {
  if (match === null) return;
  const name = Buffer.from(match.name);
  if (name.length === 0) {
    if (match.negated) ask(element, ASK_IMPOSSIBLE, false);
    return;
  }
  ask(element, ASK_INTERFACE, match.negated);
  const mask = new Uint8Array(NAME_BYTES).fill(0xff, 0, match.isPrefix ? name.length : NAME_BYTES);
  element.interface = [...nameWords(name), ...nameWords(mask)];
}

/** An interface's name as the datapath compares it. */
export function nameWords(name: Uint8Array): number[] {
  const bytes = new Uint8Array(NAME_BYTES);
  bytes.set(name);
  const view = new DataView(bytes.buffer);
  return [0, 4, 8, 12].map((at) => view.getUint32(at));
}

function askMatch(elements: Elements, match: Match): void {
  switch (match.kind) {
    case "tcp":
      askPorts(elements, ASK_TCP_HEADER, match, match.flags);
      break;
    case "udp":
      askPorts(elements, ASK_UDP_HEADER, match, null);
      break;
    case "sctp": {
      ask(elements.at(HEADER), ASK_SCTP_HEADER, false);
      const { source, destination } = match;
      if (!isAny(source) || !isAny(destination)) setPorts(elements.at(TRANSPORT), source, destination);
      break;
    }
    case "multiport": {
      const element = elements.at(LIST);
      const which = {
        source: ASK_LISTED_SOURCE,
        destination: ASK_LISTED_DESTINATION,
        either: ASK_LISTED_SOURCE | ASK_LISTED_DESTINATION,
      }[match.which];
      element.asks |= which;
      if (match.negated) element.inverts |= ASK_LISTED_SOURCE;
      element.ports = match.ranges.map(({ first, last }) => ((first << 16) | last) >>> 0);
      break;
    }
    case "mark": {
      const element = elements.at(MARK);
      ask(element, ASK_MARK, match.negated);
      element.mark = match.value;
      element.markMask = match.mask;
      break;
    }
    case "comment":
    case "set":
      break;
  }
}

/**
 * As iptables-nft has them: one that asks for nothing asks for the whole header, and one that asks for ports or flags for these
 * alone.
 */
function askPorts(elements: Elements, header: number, ports: Ports, flags: FlagsMatch | null): void {
  const asksFlags = flags !== null && (flags.mask !== 0 || flags.set !== 0 || flags.negated);
  if (isAny(ports.source) && isAny(ports.destination) && !asksFlags) {
    ask(elements.at(HEADER), header, false);
    return;
  }
  const element = elements.at(TRANSPORT);
  if (asksFlags) {
    ask(element, ASK_FLAGS, flags.negated);
    element.flagsMask = flags.mask;
    element.flags = flags.set;
  }
  setPorts(element, ports.source, ports.destination);
}

function setPorts(element: Element, source: PortMatch | null, destination: PortMatch | null): void {
  if (!isAny(source)) {
    ask(element, ASK_SOURCE_PORT, source!.negated);
    element.sourcePorts = source;
  }
  if (!isAny(destination)) {
    ask(element, ASK_DESTINATION_PORT, destination!.negated);
    element.destinationPorts = destination;
  }
}

function isAny(ports: PortMatch | null): boolean {
  return ports === null || (!ports.negated && ports.first === 0 && ports.last === 0xffff);
}

const VERDICTS = { accept: ACTION_ACCEPT, drop: ACTION_DROP, return: ACTION_RETURN } as const;

function actionOf(target: Target | null): Action {
  if (target === null) return { action: ACTION_NONE };
  switch (target.kind) {
    case "mark":
      return { action: ACTION_MARK, first: target.value, second: target.mask };
    case "jump":
      return { action: target.isGoto ? ACTION_GOTO : ACTION_JUMP, chain: target.chain };
    default:
      return { action: VERDICTS[target.kind] };
  }
}
