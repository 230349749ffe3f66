/** Command lines of iptables, as data. */
import type { Family } from "../../model.ts";
import { LONGEST_CHAIN, newChainName } from "./chain-names.ts";
import type { RulesCommand, RulesLine } from "./command.ts";
import { commandOf, type Given } from "./command-of.ts";
import type { RuleNames } from "./names.ts";
import { OptionReader } from "./option-reader.ts";
import {
  ALLOWED,
  type CommandLetter,
  isCommand,
  OPTIONS,
  RESTRICTED,
  type RestrictedLetter,
} from "./options.ts";
import { counter, wholeNumber } from "./parse-values.ts";
import { RuleReader } from "./rule-reader.ts";
import { RulesError, usage } from "./rules-error.ts";

/** Where a line comes from. */
export interface LineContext {
  readonly family: Family;
  readonly names: RuleNames;
  /** The program's name if the line is one of a file: then it has no table and waits for no lock. */
  readonly restoring?: string;
}

/** Commands that take another word behind the chain: a number, a name or a policy. */
const WITH_WORD: ReadonlySet<CommandLetter> = new Set<CommandLetter>([
  "L",
  "S",
  "Z",
  "D",
  "I",
  "R",
  "E",
  "P",
]);
const MOST_RULES = 0x7fffffff;
const LONGEST_INTERVAL = 999_999;

/**
 * Reads a command line.
 *
 * @param words the line without the program's name
 * @throws RulesError
 */
export function parseLine(words: readonly string[], context: LineContext): RulesLine {
  return new LineParser(words, context).parse();
}

class LineParser {
  readonly #reader: OptionReader<(typeof OPTIONS)[number]>;
  readonly #context: LineContext;
  readonly #rule: RuleReader;
  readonly #options = new Set<RestrictedLetter>();
  readonly #warnings: string[] = [];
  #command: Given | null = null;
  /** `-Z` together with `-L` or `-S`. */
  #alsoZero = false;
  #table: string | null = null;
  #hasOutput = false;
  #negated = false;

  constructor(words: readonly string[], context: LineContext) {
    this.#reader = new OptionReader(words);
    this.#context = context;
    this.#rule = new RuleReader(context.family, context.names);
  }

  parse(): RulesLine {
    for (;;) {
      const found = this.#reader.next([...this.#rule.options, ...OPTIONS]);
      if (found === null) break;
      if (found.spec === null) {
        this.#otherWord(found.word, found.isOption);
        continue;
      }
      const { short, long } = found.spec;
      if (short === "V") return this.#answer({ kind: "version", negated: this.#negated });
      if (short === "h") return this.#answer({ kind: "help" });
      if (short === undefined) {
        this.#rule.take(found.spec, found.value ?? "", this.#negated, () => this.#reader.takeArgument());
      } else if (isCommand(short)) {
        this.#takeCommand(short, found.value);
      } else {
        this.#takeOption(short, long, found.value ?? "");
      }
      this.#negated = false;
    }
    return this.#answer(this.#finish());
  }

  #answer(command: RulesLine["command"]): RulesLine {
    return { command, table: this.#table, verbose: this.#options.has("v"), warnings: this.#warnings };
  }

  #otherWord(word: string, isOption: boolean): void {
    if (isOption) {
      if (!this.#rule.loadProtocolMatch(word)) throw usage(`unknown option "${word}"`);
      this.#reader.stepBack();
    } else if (word !== "!") {
      throw new RulesError("argument", `Bad argument \`${word}'`);
    } else if (this.#negated) {
      throw usage("multiple consecutive ! not allowed");
    } else {
      this.#negated = true;
    }
  }

  #takeCommand(letter: CommandLetter, value: string | null): void {
    if (this.#negated) throw usage("unexpected '!' flag");
    const present = this.#command?.letter ?? null;
    const isPair = [present, letter].sort().join("");
    if (isPair === "LZ" || isPair === "SZ") {
      this.#alsoZero = true;
      if (letter === "Z") {
        this.#reader.takeArgument();
        return;
      }
    } else if (present !== null) {
      throw usage(`Cannot use -${letter} with -${present}`);
    }
    const chain = value ?? this.#reader.takeArgument();
    const word = WITH_WORD.has(letter) && chain !== null ? this.#reader.takeArgument() : null;
    if (letter === "E" && word === null) throw usage("-E requires old-chain-name and new-chain-name");
    if (letter === "P" && word === null) throw usage("-P requires a chain and a policy");
    if (letter === "R" && word === null) throw usage("-R requires a rule number");
    if (letter === "N") newChainName(chain!);
    if (letter === "E" || letter === "P") {
      this.#command = { letter, chain, position: null, word };
      return;
    }
    this.#command = { letter, chain, position: word === null ? null : ruleNumber(word), word: null };
  }

  #takeOption(short: string, long: string, value: string): void {
    switch (short) {
      case "s":
        this.#mark("s", true);
        this.#rule.source(value, this.#negated);
        break;
      case "d":
        this.#mark("d", true);
        this.#rule.destination(value, this.#negated);
        break;
      case "p":
        this.#mark("p", true);
        this.#warn(this.#rule.protocol(value, this.#negated));
        break;
      case "i":
        this.#mark("i", true);
        this.#warn(this.#rule.input(value, this.#negated));
        break;
      case "o":
        this.#mark("o", true);
        this.#hasOutput = true;
        break;
      case "f":
        this.#mark("f", true);
        this.#rule.fragment(this.#negated);
        break;
      case "j":
        this.#mark("j");
        this.#rule.target(value);
        break;
      case "g":
        this.#mark("j");
        this.#rule.goto(value);
        break;
      case "v":
        if (!this.#options.has("v")) this.#mark("v");
        break;
      case "n":
      case "x":
      case "0":
        this.#mark(short);
        break;
      case "c":
        this.#mark("c");
        this.#takeCounters(value);
        break;
      default:
        this.#takeOther(short, long, value);
    }
  }

  #warn(warning: string | null): void {
    if (warning !== null) this.#warnings.push(warning);
  }

  /** Options that have nothing to do with the rule. */
  #takeOther(short: string, long: string, value: string): void {
    const { family, restoring } = this.#context;
    switch (short) {
      case "m":
        this.#notNegated(long);
        this.#rule.match(value);
        break;
      case "t":
        this.#notNegated(long);
        if (restoring !== undefined) throw usage(`The -t option cannot be used in ${restoring}.\n`);
        this.#table = value;
        break;
      case "w":
        if (restoring !== undefined) throw usage(`You cannot use \`-w' from ${restoring}`);
        this.#takeWait(value);
        break;
      case "W":
        if (restoring !== undefined) throw usage(`You cannot use \`-W' from ${restoring}`);
        this.#takeInterval(value);
        break;
      case "4":
      case "6":
        if (short !== String(family)) throw new RulesError("family", "");
        break;
    }
  }

  #takeWait(value: string): void {
    const seconds = value === "" ? this.#reader.takeArgument() : value;
    if (seconds !== null && !/^-?\d+$/.test(seconds)) throw usage("wait seconds not numeric");
  }

  #takeInterval(value: string): void {
    const interval = wholeNumber(value, 0, 0xffffffff);
    if (interval === null) throw usage("wait interval not numeric");
    if (interval > LONGEST_INTERVAL) throw usage(`too long usec wait ${interval} > ${LONGEST_INTERVAL} usec`);
    this.#warnings.push("Ignoring deprecated --wait-interval option.");
  }

  #takeCounters(value: string): void {
    const [first, attached] = value.split(/,(.*)/s);
    const second = attached ?? this.#reader.takeArgument();
    if (second === null) throw usage("-c requires packet and byte counter");
    const packets = counter(first!);
    if (packets === null) throw usage("-c packet counter not numeric");
    const bytes = counter(second);
    if (bytes === null) throw usage("-c byte counter not numeric");
    this.#rule.counters = { packets, bytes };
  }

  #notNegated(option: string): void {
    if (this.#negated) throw usage(`unexpected ! flag before --${option}`);
  }

  #mark(letter: RestrictedLetter, canNegate = false): void {
    if (this.#options.has(letter)) throw usage(`multiple -${letter} flags not allowed`);
    this.#options.add(letter);
    if (this.#negated && !canNegate) throw usage(`cannot have ! before -${letter}`);
  }

  /** Checks in the order of the original. */
  #finish(): RulesCommand {
    const extensions = this.#rule.finishExtensions();
    if (this.#reader.hasMore) throw usage("unknown arguments found on commandline");
    if (this.#command === null) throw usage("no command specified");
    if (this.#negated) throw usage("nothing appropriate following !");
    const { letter, chain, position } = this.#command;
    const takesRule = "ACDIR".includes(letter) && !(letter === "D" && position !== null);
    const rules = takesRule ? this.#rule.finish(extensions) : [];
    if (letter === "R" && rules.length > 1) throw usage("Replacement rule does not specify a unique address");
    const allowed = ALLOWED[letter === "D" && position !== null ? "D number" : letter];
    const illegal = RESTRICTED.find((option) => this.#options.has(option) && !allowed.includes(option));
    if (illegal !== undefined) throw usage(`Illegal option \`-${illegal}' with this command`);
    if (chain !== null && Buffer.byteLength(chain) > LONGEST_CHAIN) {
      throw usage(`chain name \`${chain}' too long (must be under ${LONGEST_CHAIN + 1} chars)`);
    }
    if (takesRule) this.#checkInterfaces(chain!);
    const has = (option: RestrictedLetter): boolean => this.#options.has(option);
    const counters = has("c") ? this.#rule.counters : null;
    return commandOf({ ...this.#command, rules, counters, alsoZero: this.#alsoZero, has });
  }

  #checkInterfaces(chain: string): void {
    if (this.#hasOutput && (chain === "PREROUTING" || chain === "INPUT")) {
      throw usage(`Can't use -o with ${chain}\n`);
    }
    if (this.#options.has("i") && (chain === "POSTROUTING" || chain === "OUTPUT")) {
      throw usage(`Can't use -i with ${chain}\n`);
    }
    if (this.#hasOutput) {
      throw new RulesError("usage", "`-o' is none of ours: packets get their marks where they come in", {
        isForeign: true,
      });
    }
  }
}

function ruleNumber(word: string): number {
  const number = wholeNumber(word, 1, MOST_RULES);
  if (number === null) throw usage(`Invalid rule number \`${word}'`);
  return number;
}
