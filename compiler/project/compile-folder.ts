/** Compiles a model into a folder, or keeps the folder where it is what the compilation would give. */
import type { DimRanges } from "../../ir/dim.ts";
import { fail, showName } from "../../ir/diagnostic.ts";
import { nameHint } from "../../ir/nearest.ts";
import { claimArtifact, writeArtifact, writeFamily } from "../artifact.ts";
import { type CompiledModel, type CompileOptions, compileRead, readSource } from "../compile.ts";
import type { OnnxModel } from "../frontend/onnx.ts";
import { compileFamily, type FamilyModel } from "../compile-family.ts";
import type { OutputOptions } from "../files/output-files.ts";
import { buildFile, isUpToDate, printRecord, recordOf } from "./build-record.ts";

export interface FolderOptions extends CompileOptions, OutputOptions {
  /** false: compile whatever is there */
  readonly keep?: boolean;
  /** sizes that dims without a size may have; where there are none, any */
  readonly ranges?: DimRanges;
  /** more files for the folder, by name */
  readonly more?: (compiled: CompiledModel) => Promise<ReadonlyMap<string, string>>;
}

/** A compiled folder: `kept` as it was, or `written`; for all shapes of the model where it has dims without a size. */
export type FolderResult =
  | { readonly kind: "kept"; readonly folder: string }
  | { readonly kind: "written"; readonly folder: string; readonly model: CompiledModel }
  | { readonly kind: "open"; readonly folder: string; readonly model: FamilyModel };

/** Own passes and measuring have no name by which their result could be known again; and who looks on wants to see something. */
const canBeKept = ({ keep = true, passes = [], tune, onPass, more }: FolderOptions): boolean =>
  keep && passes.length === 0 && tune === undefined && onPass === undefined && more === undefined;

/** What of the options is about a placement: each by its name, where it says something. */
const placementOptions: Readonly<Record<string, (options: FolderOptions) => boolean>> = {
  target: ({ target }) => target !== undefined,
  mode: ({ mode = "auto" }) => mode !== "auto",
  objective: ({ objective = "throughput" }) => objective !== "throughput",
  replicas: ({ replicas = 1 }) => replicas !== 1,
  precision: ({ precision = "f32" }) => precision !== "f32",
  fuse: ({ fuse = true }) => !fuse,
  constraints: ({ constraints = {} }) => Object.values(constraints).some(saysSomething),
  from: ({ from }) => from !== undefined,
  explain: ({ more }) => more !== undefined,
};

/** Lists of constraints may be empty. */
const saysSomething = (given: unknown): boolean => (Array.isArray(given) ? given.length > 0 : given !== undefined);

/** What of the options is about kernels of known shapes, or about the passes that lead to them. */
const knownOptions: typeof placementOptions = {
  tune: ({ tune }) => tune !== undefined,
  tuning: ({ tuning = new Map() }) => tuning.size > 0,
  joinVectors: ({ joinVectors = false }) => joinVectors,
  weights: ({ weights = "speed" }) => weights !== "speed",
  passes: ({ passes = [], onPass }) => passes.length > 0 || onPass !== undefined,
};

/** Throws WSC2005 where options ask for what needs sizes. */
function refuseForOpen(dims: readonly string[], options: FolderOptions): void {
  const asked = (table: typeof placementOptions): readonly string[] =>
    Object.entries(table).flatMap(([name, isGiven]) => (isGiven(options) ? [name] : []));
  const [placing, known] = [asked(placementOptions), asked(knownOptions)];
  if (placing.length + known.length === 0) return;
  const what =
    placing.length > 0
      ? `a placement needs numbers, and ${placing.join(", ")} asks for one`
      : `${known.join(", ")} is for known shapes`;
  throw fail("WSC2005", `dims ${dims.map(showName).join(", ")} have no value: ${what}`, {
    hint: `bind them: ${dims.map((name) => `--dim ${showName(name)}=N`).join(" ")}; without ${[...placing, ...known].join(", ")} the folder is for all shapes`,
  });
}

/**
 * Compiles the model of a file into a folder. Where the folder was compiled from the same files with the same options by the same build of wsc, and nobody has
 * altered it, it is kept. A model whose dims have sizes is placed; one with open dims becomes a folder for all its shapes, without a placement. Throws as
 * `compile`, `compileFamily` and `writeArtifact` do; what speaks against writing is said before anything is compiled.
 */
export async function compileFolder(model: string, folder: string, options: FolderOptions = {}): Promise<FolderResult> {
  const { force = false, inputs = [], more, keep: _, ...asked } = options;
  await claimArtifact(folder, { force, inputs });
  const isKept = canBeKept(options);
  if (isKept && (await isUpToDate(folder, model, asked))) return { kind: "kept", folder };
  const source = await readSource(model, asked);
  const { dims = new Map(), ranges = new Map() } = asked;
  const open = await checkedDims(source.model, dims, ranges);
  const record = async (): Promise<readonly (readonly [string, string])[]> =>
    isKept ? [[buildFile, printRecord(await recordOf(model, source.files, asked))]] : [];
  if (open.length > 0) {
    refuseForOpen(open, options);
    const family = await compileFamily(source, asked);
    await writeFamily(family, folder, { force, inputs, more: new Map(await record()) });
    return { kind: "open", folder, model: family };
  }
  const compiled = await compileRead(source, asked);
  const added = more === undefined ? [] : await more(compiled);
  await writeArtifact(compiled, folder, { force, inputs, more: new Map([...(await record()), ...added]) });
  return { kind: "written", folder, model: compiled };
}

/** The dims of a model that have no size; throws WSC7003 for a range of a dim that the model does not have. */
async function checkedDims(
  model: OnnxModel,
  dims: ReadonlyMap<string, number>,
  ranges: DimRanges,
): Promise<readonly string[]> {
  const { checkDimNames } = await import("../frontend/suggest-dims.ts");
  const { openDims } = await import("../frontend/open/variants.ts");
  if (ranges.size > 0) checkDimNames(model, new Map([...ranges].map(([name, { least }]) => [name, least])));
  const open = openDims(model, dims);
  const known = [...ranges.keys()].find((name) => !open.includes(name));
  if (known !== undefined) {
    throw fail("WSC7003", `a range for "${showName(known)}", which is no open dim`, {
      hint: nameHint(known, "open dims", open),
    });
  }
  return open;
}
