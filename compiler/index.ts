/**
 * The package's public surface: the compiler's, and with it the runtime's, which has the names of onnxruntime's packages: so it stands for
 * one of them where a project overrides it (docs/runtime.md).
 */
export * from "../runtime/exports.ts";
export { default } from "../runtime/index.ts";
export {
  compile,
  type CompileOptions,
  type CompiledModel,
  type LoweredModel,
  lowerSource,
  type ModelSource,
  type PlacedModel,
  placeModel,
  programOf,
  type Stage,
} from "./compile.ts";
export { type ArtifactOptions, writeArtifact } from "./artifact.ts";
export { compileFolder, type FolderOptions, type FolderResult } from "./project/compile-folder.ts";
export { type BuildOptions } from "./project/build-options.ts";
export { defineConfig, type ProjectModel, type WscConfig } from "./project/config.ts";
export { type Pass } from "./passes/pass.ts";
export { type OwnPass } from "./passes/pipeline.ts";
export { loadTarget } from "./targets/load.ts";
export { type Target } from "../ir/machine/target.ts";
export { readArtifact, type ReadArtifact, type ReadOptions } from "./read-artifact.ts";
export { type Diagnostic, renderDiagnostic, WscError } from "../ir/diagnostic.ts";
export { encodeModel } from "./write-onnx.ts";
export type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxType, OnnxValueInfo } from "./frontend/onnx.ts";
export {
  type GemmQuestion,
  type GemvQuestion,
  modelDecode,
  modelGemm,
  modelGemv,
  type ModelledCycles,
  modelPrefill,
  modelReduce,
  modelStencil,
  type ReduceQuestion,
  type StencilQuestion,
  type TargetChoice,
  type TransformerAnswer,
  type TransformerQuestion,
} from "./validate/models.ts";
export { type Selection, validate, type Validation } from "./validate/validate.ts";
export type { Row, RowBasis, TableSummary } from "./validate/table.ts";
