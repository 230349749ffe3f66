/**
 * A word of a command that somebody may paste, as a POSIX shell reads it back. Bare where no character of it means anything to the shell;
 * names of interfaces may have any but white space, `/` and `:`.
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
