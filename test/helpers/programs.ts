/** Where the examples' models and the built files lie, and compiled folders for tests. */
import path from "node:path";
import { writeArtifact } from "../../compiler/artifact.ts";
import { compile, type CompileOptions, type CompiledModel } from "../../compiler/compile.ts";

/** The project's root. */
export const root: string = path.join(import.meta.dirname, "..", "..");
/** What `npm run build` made; `npm test` runs it first. */
export const dist: string = path.join(root, "dist");
export const digitsModel: string = path.join(root, "examples", "digits", "digits.onnx");
export const transformerModel: string = path.join(root, "examples", "transformer", "transformer.onnx");

/** Compiles a model and writes its folder. */
export async function writeProgram(
  model: string,
  folder: string,
  options: CompileOptions = {},
): Promise<CompiledModel> {
  const compiled = await compile(model, options);
  await writeArtifact(compiled, folder);
  return compiled;
}
