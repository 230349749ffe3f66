// Writes dist/packed.js: the modules of the commands in one file, which Node loads in half the time (src/cli/start.ts
// says when it is used). tsc writes them as CommonJS; here each becomes a function in a table, called when it is first
// required. `node scripts/pack.js [dist]`. Where it does not work the commands run from their modules as well.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const ENTRY = "src/cli/commands.js";
const root = fileURLToPath(new URL("../", import.meta.url));
const target = join(process.argv[2] ?? join(root, "dist"), "packed.js");

const HEAD = `// Written by scripts/pack.js.
import { createRequire } from "node:module";
const external = createRequire(import.meta.url);
const at = (file) => new URL(file, import.meta.url).href;
const loaded = new Map();
const require = (id) => {
  const found = loaded.get(id);
  if (found !== undefined) return found;
  const exports = {};
  loaded.set(id, exports);
  modules[id](exports);
  return exports;
};
`;

/** Compiles the project to CommonJS in `folder`. Types were checked by the build. */
function compile(folder) {
  const tsc = join(createRequire(import.meta.url).resolve("typescript/package.json"), "../bin/tsc");
  const options = {
    ...{ project: join(root, "tsconfig.json"), outDir: folder, module: "commonjs" },
    ...{ moduleResolution: "bundler", verbatimModuleSyntax: false, noCheck: true },
    ...{ incremental: false, sourceMap: false, removeComments: true },
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(stdout);
}

/** The modules that the entry needs, by path. Those outside of src stay modules; they are loaded as such. */
function collect(folder) {
  const modules = new Map();
  const add = (file) => {
    if (modules.has(file)) return;
    modules.set(file, "");
    const resolve = (specifier) => posix.join(posix.dirname(file), specifier);
    const text = readFileSync(join(folder, file), "utf8")
      .replace(
        /Promise\.resolve\(\)\.then\(\(\) => __importStar\(require\("(\.[^"]+)"\)\)\)/g,
        (all, specifier) =>
          resolve(specifier).startsWith("src/") ? all : `import("./${resolve(specifier)}")`,
      )
      .replace(/\brequire\("([^"]+)"\)/g, (_, specifier) => {
        if (!specifier.startsWith(".")) return `external("${specifier}")`;
        const path = resolve(specifier);
        if (!path.startsWith("src/")) throw new Error(`${file} needs ${path}, which is not in src`);
        add(path);
        return `require("${path}")`;
      })
      .replaceAll("import.meta.url", `at("./${file}")`);
    modules.set(file, text);
  };
  add(ENTRY);
  return modules;
}

const folder = mkdtempSync(join(tmpdir(), "lvs-pack-"));
const aside = `${target}.${process.pid}.js`;
try {
  rmSync(target, { force: true });
  compile(folder);
  const table = [...collect(folder)].map(([file, text]) => `"${file}"(exports) {\n${text}},\n`);
  writeFileSync(
    aside,
    `${HEAD}const modules = {\n${table.join("")}};\nexport const { COMMANDS } = require("${ENTRY}");\n`,
  );
  await import(aside);
  renameSync(aside, target);
} catch (error) {
  console.error(`the commands were not packed, and start slower: ${error.message}`);
} finally {
  rmSync(aside, { force: true });
  rmSync(folder, { recursive: true, force: true });
}
