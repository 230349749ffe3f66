/** What `lvs` was asked to do. */
export type Request =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "attach" | "detach"; readonly interfaces: readonly string[] }
  | { readonly kind: "status"; readonly json: boolean }
  | { readonly kind: "unload" }
  | { readonly kind: "lab"; readonly name: string; readonly keep: boolean; readonly remove: boolean };

/** A call of `lvs` that makes no sense; the message says what would. */
export class UsageError extends Error {
  readonly code = "USAGE";
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

const COMMANDS = ["attach", "detach", "status", "unload", "lab"] as const;

/** Reads the arguments behind `lvs`. Throws {@link UsageError}. */
export function parseRequest(argv: readonly string[]): Request {
  const [command, ...rest] = argv;
  if (command === undefined) throw new UsageError(`a command is missing: one of ${COMMANDS.join(", ")}`);
  if (argv.some((word) => word === "--help" || word === "-h") || command === "help") return { kind: "help" };
  if (command === "--version" || command === "-v") return { kind: "version" };
  const options = new Set(rest.filter((word) => word.startsWith("-")));
  const words = rest.filter((word) => !word.startsWith("-"));
  const allow = (...known: readonly string[]) => {
    for (const option of options) {
      if (known.includes(option)) continue;
      const there = known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`;
      throw new UsageError(`lvs ${command} does not know the option ${option}: ${there}`);
    }
  };
  const noWords = () => {
    if (words.length > 0)
      throw new UsageError(`lvs ${command} takes no arguments, but got ${words.join(" ")}`);
  };
  switch (command) {
    case "attach":
    case "detach":
      allow();
      return { kind: command, interfaces: words };
    case "status":
      allow("--json");
      noWords();
      return { kind: "status", json: options.has("--json") };
    case "unload":
      allow();
      noWords();
      return { kind: "unload" };
    case "lab": {
      allow("--keep", "--remove");
      const [name, ...more] = words;
      if (name === undefined || more.length > 0)
        throw new UsageError("lvs lab takes the name of one lab, as in `lvs lab nat`");
      if (options.has("--keep") && options.has("--remove"))
        throw new UsageError("lvs lab either keeps a lab (--keep) or takes one down (--remove)");
      return { kind: "lab", name, keep: options.has("--keep"), remove: options.has("--remove") };
    }
    default:
      throw new UsageError(`there is no command "${command}": there are ${COMMANDS.join(", ")}`);
  }
}
