/**
 * The words of a line of saved rules: spaces and tabs are between them, but not between double quotes, where a backslash makes any
 * character an ordinary one. A word ends with its closing quote.
 *
 * @returns null: a quote is not closed
 */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let isQuoted = false;
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (character === '"') {
      isQuoted = !isQuoted;
      word ??= "";
      if (isQuoted) continue;
      words.push(word);
      word = null;
    } else if (isQuoted && character === "\\") {
      word += line.charAt(++index);
    } else if (!isQuoted && (character === " " || character === "\t")) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (isQuoted) return null;
  if (word !== null) words.push(word);
  return words;
}
