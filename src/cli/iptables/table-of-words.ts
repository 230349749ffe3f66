/** The table that a command line speaks of, found without understanding the rest of it: that may be in another program's words. */

/** Letters of options that take an argument. */
const WITH_ARGUMENT = "ACDERINPpsdjiomgtcWM";
const COMMANDS = /^-[a-z0-9]*[ACDEFILNPRSXZ]/;
const LONG_COMMANDS =
  "append check delete delete-chain flush insert list list-rules new-chain policy rename-chain replace zero".split(
    " ",
  );

/** The last `-t` or `--table`; null: none. */
export function tableOf(words: readonly string[]): string | null {
  let table: string | null = null;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "--") break;
    const long = /^--t(?:a(?:b(?:l(?:e)?)?)?)?(?:=(.*))?$/s.exec(word);
    if (long !== null) {
      table = long[1] ?? words[++index] ?? table;
      continue;
    }
    if (word.startsWith("--") || !word.startsWith("-")) continue;
    const at = [...word.slice(1)].findIndex((letter) => WITH_ARGUMENT.includes(letter));
    if (at < 0) continue;
    const attached = word.slice(at + 2);
    const value = attached === "" ? words[++index] : attached;
    if (word.charAt(at + 1) === "t" && value !== undefined) table = value;
  }
  return table;
}

/** Whether there is a command in it, such as `-A` or `--list`. */
export function hasCommand(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words
    .slice(0, end < 0 ? undefined : end)
    .some(
      (word) =>
        COMMANDS.test(word) ||
        LONG_COMMANDS.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)),
    );
}
