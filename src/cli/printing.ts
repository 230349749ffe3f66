/** What several commands print alike. */

/** Characters of output that are collected before they are written. */
const CHUNK = 0x10000;

/** Writes pieces of text in chunks, as they come: a table may have a million lines. */
export function writeInChunks(pieces: Iterable<string>, stdout: (text: string) => void): void {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    stdout(text);
    text = "";
  }
  stdout(text);
}

/** "14:59", as `ipvsadm -c` prints how long an entry lives. */
export function minutesAndSeconds(seconds: number): string {
  return [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
