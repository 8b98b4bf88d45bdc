/**
 * Vite's plugin: a page that imports `load` of an .onnx file gets the bindings of the compiled model. A compiled folder's `index.js` may be imported likewise. While
 * developing, the program's files come from the dev server; a build emits them as assets.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Plugin, ResolvedConfig } from "vite";
import { type Manifest, manifestFile, parseManifest } from "../../ir/manifest.ts";
import { artifactFiles, parseText } from "../../runtime/artifact.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import { type BoundModel, emitBindings, loaderText } from "../codegen/bindings.ts";
import { isFileError } from "../files/file-errors.ts";
import { claimFile } from "../files/output-files.ts";
import { type BuildOptions, compileOptionsOf } from "./build-options.ts";
import { compileFolder } from "./compile-folder.ts";

export interface WscPluginOptions extends BuildOptions {
  /** writes `model.d.onnx.ts` beside each model that is imported, with the types of its inputs and outputs (TypeScript's `allowArbitraryExtensions`) */
  readonly types?: boolean;
}

/** A compiled folder that a page needs. */
interface Served {
  readonly folder: string;
  readonly program: BoundModel;
  /** what a page fetches of it */
  readonly files: readonly string[];
}

/** Where the dev server has the files of compiled folders. */
const servedUnder = "/@wsc/";

/** Names of modules that the plugin makes: that of the model or of the bindings between these. */
const made = { before: "\0wsc:", after: ".js" } as const;

/** The plugin; options are those of a compilation. */
export function wsc({ types = false, ...build }: WscPluginOptions = {}): Plugin {
  const served = new Map<string, Served>();
  let config: ResolvedConfig | null = null;
  const isDevelopment = (): boolean => config?.command === "serve";

  const compiled = async (file: string): Promise<Served> => {
    const cache = path.join(config?.cacheDir ?? path.join(path.dirname(file), ".wsc"), "wsc", keyOfPath(file));
    const folder = path.join(cache, path.basename(file, ".onnx"));
    await compileFolder(file, folder, compileOptionsOf(build));
    return openFolder(folder);
  };

  return {
    name: "wsc",
    enforce: "pre",
    configResolved: (resolved) => {
      config = resolved;
    },
    configureServer: (server) => {
      server.middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? "/", "http://localhost");
        const at = pathname.indexOf(servedUnder);
        const [key = "", file = ""] = at < 0 ? [] : pathname.slice(at + servedUnder.length).split("/");
        const found = served.get(key);
        if (found?.files.includes(file) !== true) {
          next();
          return;
        }
        readFile(path.join(found.folder, file)).then((bytes) => {
          response.setHeader("content-type", file.endsWith(".wasm") ? "application/wasm" : "application/octet-stream");
          response.end(bytes);
        }, next);
      });
    },
    resolveId: async function (source, importer) {
      const isModel = source.endsWith(".onnx");
      if (!isModel && !source.endsWith(`/${artifactFiles.bindings}`)) return null;
      const found = await this.resolve(source, importer, { skipSelf: true });
      // the dev server leaves `external` out where a module is none
      if (found === null || ((found.external as boolean | string | undefined) ?? false) !== false) return found;
      const file = found.id.replace(/\?.*$/, "");
      return isModel || (await manifestOf(path.dirname(file))) !== null ? `${made.before}${file}${made.after}` : found;
    },
    load: async function (id) {
      if (!id.startsWith(made.before)) return null;
      const file = id.slice(made.before.length, -made.after.length);
      const isModel = file.endsWith(".onnx");
      this.addWatchFile(file);
      const found = isModel ? await compiled(file) : await openFolder(path.dirname(file));
      if (types && isModel) await writeTypes(file, found.program);
      const key = keyOfPath(found.folder);
      served.set(key, found);
      if (isDevelopment()) {
        const base = `${config?.base ?? "/"}${servedUnder.slice(1)}${key}/`;
        return loaderText(
          found.program,
          `new URL(${JSON.stringify(base)}, globalThis.location?.href ?? import.meta.url).href`,
        );
      }
      const name = `${config?.build.assetsDir ?? "assets"}/${path.basename(found.folder)}-${key.slice(0, 8)}`;
      let reference = "";
      for (const entry of found.files) {
        const source = new Uint8Array(await readFile(path.join(found.folder, entry)));
        const emitted = this.emitFile({ type: "asset", fileName: `${name}/${entry}`, source });
        if (entry === artifactFiles.program) reference = emitted;
      }
      return loaderText(found.program, `new URL(".", import.meta.ROLLUP_FILE_URL_${reference}).href`);
    },
  };
}

const keyOfPath = (file: string): string => digestOfBytes(new TextEncoder().encode(file)).replace(/\W/g, "").slice(-16);

/** The manifest in a folder; null where there is none. */
async function manifestOf(folder: string): Promise<Manifest | null> {
  try {
    return parseManifest(await readFile(path.join(folder, manifestFile), "utf8"));
  } catch (error) {
    if (isFileError(error)) return null;
    throw error;
  }
}

/** What a page fetches of a compiled folder: the program, its modules and weights, and the digests. */
async function openFolder(folder: string): Promise<Served> {
  const parsed = parseText(await readFile(path.join(folder, artifactFiles.program), "utf8"));
  const program = parsed.kind === "program" ? parsed.program : parsed.family;
  const manifest = (await manifestOf(folder)) ?? [];
  const fetched = manifest
    .map(({ file }) => file)
    .filter((file) => file === artifactFiles.program || file === artifactFiles.weights || file.endsWith(".wasm"));
  return { folder, program, files: [...fetched, manifestFile] };
}

async function writeTypes(file: string, program: BoundModel): Promise<void> {
  const declarations = await claimFile(file.replace(/\.onnx$/, ".d.onnx.ts"));
  await declarations.write(emitBindings(program).dts);
}
