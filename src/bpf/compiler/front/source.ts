/** Where the compiler gets modules from: their source text and their evaluated exports. */
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export type Namespace = Readonly<Record<string, unknown>>;

/** Gives modules by an identifier of its own choosing (the default: the URL of the JavaScript file). */
export interface SourceProvider {
  /** The identifier of what `importer` means by `specifier`. */
  resolve(specifier: string, importer: string): string;
  /** The evaluated module. */
  namespace(id: string): Promise<Namespace>;
  /** The text, and the file name that messages show. Throws if there is none. */
  source(id: string): { readonly file: string; readonly text: string };
}

export interface FileSourceOptions {
  /** From the URL of a compiled module to the path of its TypeScript source. Default: `sourceOfCompiled`. */
  readonly resolveSource?: (url: string) => string;
}

/** Modules as files: JavaScript that Node imports, and TypeScript beside it or named by its source map. */
export function fileSources(options: FileSourceOptions = {}): SourceProvider {
  const resolveSource = options.resolveSource ?? sourceOfCompiled;
  return {
    resolve(specifier, importer) {
      if (!specifier.startsWith(".")) return specifier;
      const wanted = importer.endsWith(".ts") ? specifier : specifier.replace(/\.ts$/, ".js");
      return new URL(wanted, importer).href;
    },
    namespace: (id) => import(id) as Promise<Namespace>,
    source(id) {
      const path = resolveSource(id);
      return { file: shownName(path), text: readFileSync(path, "utf8") };
    },
  };
}

/** Modules given as text with hand-made namespaces; anything else is imported. For tests and tools. */
export function textSources(
  modules: Readonly<Record<string, { readonly text: string; readonly namespace: Namespace }>>,
  imported: Readonly<Record<string, Namespace>> = {},
): SourceProvider {
  return {
    resolve: (specifier) => specifier,
    async namespace(id) {
      return modules[id]?.namespace ?? imported[id] ?? ((await import(id)) as Namespace);
    },
    source(id) {
      const module = modules[id];
      if (!module) throw new Error(`no source text for ${id}`);
      return { file: id, text: module.text };
    },
  };
}

/**
 * The TypeScript source of a compiled module: the module itself if it is TypeScript, else what its source map names,
 * else the same path without the `dist` folder.
 */
export function sourceOfCompiled(url: string): string {
  const path = fileURLToPath(url);
  if (path.endsWith(".ts")) return path;
  const map = readIfThere(`${path}.map`);
  if (map !== undefined) {
    const { sources, sourceRoot } = JSON.parse(map) as { sources?: string[]; sourceRoot?: string };
    if (sources?.[0] !== undefined) return resolve(dirname(path), sourceRoot ?? "", sources[0]);
  }
  return path.replace(/\/dist\//, "/").replace(/\.js$/, ".ts");
}

/** The URL of a file path, as an identifier for `fileSources`. */
export function moduleUrl(path: string): string {
  return path.startsWith("file:") ? path : pathToFileURL(path).href;
}

/** Relative to the package that holds the file, so that messages do not depend on where it is checked out. */
function shownName(path: string): string {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (readIfThere(join(folder, "package.json")) !== undefined) return relative(folder, path);
  }
  return path;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
