import { spawn } from "node:child_process";
import { buffer, text } from "node:stream/consumers";
import { COMPILE_SCRIPT, type CompileRequest, notCompiled, splitFrames } from "./compiled-programs.ts";

/**
 * Compiles programs in so many processes at once. Answers them in the order of the requests.
 *
 * @throws IpvsError EIO if one does not compile
 */
export async function compileTogether(
  requests: readonly CompileRequest[],
  processes: number,
): Promise<Uint8Array[]> {
  const programs: Uint8Array[] = [];
  const shares = Array.from({ length: Math.min(processes, requests.length) }, (_, share) =>
    [...requests.keys()].filter((index) => index % processes === share),
  );
  await Promise.all(
    shares.map(async (indices) => {
      const made = await compileShare(indices.map((index) => requests[index]!));
      for (const [i, index] of indices.entries()) programs[index] = made[i]!;
    }),
  );
  return programs;
}

async function compileShare(requests: readonly CompileRequest[]): Promise<Uint8Array[]> {
  const child = spawn(process.execPath, [COMPILE_SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(requests));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [output, complaint, status] = await Promise.all([buffer(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw notCompiled(complaint.trim());
  return splitFrames(output);
}
