// Writes dist/packed.js: the modules of the commands in one file, which Node loads in half the time (src/cli/start.ts
// says when it is used). `node scripts/pack.js [dist]`.
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url));
const sources = join(dist, "src");

/** Modules find files by where they are themselves: that stays so. Those outside of src are loaded as they are. */
const places = {
  name: "places",
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path);
      if (file.startsWith(sources)) return undefined;
      return { path: `./${relative(dist, file)}`, external: true };
    });
    build.onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const place = `new URL(${JSON.stringify(`./${relative(dist, path)}`)}, import.meta.url).href`;
      return { contents: text.replaceAll("import.meta.url", place) };
    });
  },
};

await build({
  entryPoints: [join(sources, "cli/commands.js")],
  outfile: join(dist, "packed.js"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  plugins: [places],
  logLevel: "warning",
});
