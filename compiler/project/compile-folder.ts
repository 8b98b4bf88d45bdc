/** Compiles a model into a folder, or keeps the folder where it is what the compilation would give. */
import { claimArtifact, writeArtifact } from "../artifact.ts";
import { compile, type CompiledModel, type CompileOptions } from "../compile.ts";
import type { OutputOptions } from "../files/output-files.ts";
import { buildFile, isUpToDate, printRecord, recordOf } from "./build-record.ts";

export interface FolderOptions extends CompileOptions, OutputOptions {
  /** false: compile whatever is there */
  readonly keep?: boolean;
  /** more files for the folder, by name */
  readonly more?: (compiled: CompiledModel) => Promise<ReadonlyMap<string, string>>;
}

/** A compiled folder: `kept` as it was, or `written`. */
export type FolderResult =
  | { readonly kind: "kept"; readonly folder: string }
  | { readonly kind: "written"; readonly folder: string; readonly model: CompiledModel };

/** Own passes and measuring have no name by which their result could be known again; and who looks on wants to see something. */
const canBeKept = ({ keep = true, passes = [], tune, onPass, more }: FolderOptions): boolean =>
  keep && passes.length === 0 && tune === undefined && onPass === undefined && more === undefined;

/**
 * Compiles the model of a file into a folder. Where the folder was compiled from the same files with the same options by the same build of wsc, and nobody has
 * altered it, it is kept. Throws as `compile` and `writeArtifact` do; what speaks against writing is said before anything is compiled.
 */
export async function compileFolder(model: string, folder: string, options: FolderOptions = {}): Promise<FolderResult> {
  const { force = false, inputs = [], more, keep: _, ...asked } = options;
  await claimArtifact(folder, { force, inputs });
  const isKept = canBeKept(options);
  if (isKept && (await isUpToDate(folder, model, asked))) return { kind: "kept", folder };
  const compiled = await compile(model, asked);
  const record = isKept ? [[buildFile, printRecord(await recordOf(model, compiled.files, asked))] as const] : [];
  const added = more === undefined ? [] : await more(compiled);
  await writeArtifact(compiled, folder, { force, inputs, more: new Map([...record, ...added]) });
  return { kind: "written", folder, model: compiled };
}
