// Runs every compiled test (dist/**/*.test.js) with node:test. Arguments choose files by substring:
// `node scripts/test.js wrr ipvsadm`. Tests that need root say so and skip themselves without it.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { globSync } from "./glob.js";

const wanted = process.argv.slice(2);
const files = globSync(new URL("../dist/", import.meta.url), ".test.js").filter(
  (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
if (files.length === 0) {
  console.error(
    `no compiled test matches ${wanted.join(" ") || "dist/**/*.test.js"}; run \`npm run build\` first`,
  );
  process.exit(1);
}
const result = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", `--test-concurrency=${availableParallelism()}`, ...files],
  {
    stdio: "inherit",
  },
);
process.exit(result.status ?? 1);
