/**
 * `wsc/ir`: the vocabulary that compiler and runtime share. Types and builders, type rules, text forms with their parsers, and verifiers;
 * it depends on nothing else and runs in browsers as in Node.
 */
export * from "./builder.ts";
export * from "./diagnostic.ts";
export { type DiagnosticEntry, diagnosticTable } from "./diagnostic-table.ts";
export * from "./dtype.ts";
export * from "./expr.ts";
export * from "./graph.ts";
export { inferTypes } from "./infer.ts";
export * from "./kernel-graph.ts";
export { parseKernelGraph, printKernelGraph } from "./kernel-graph-text.ts";
export * from "./manifest.ts";
export { nearestName } from "./nearest.ts";
export { parseGraph } from "./parse.ts";
export * from "./placement.ts";
export { parsePlacementJson, printPlacementJson } from "./placement-json.ts";
export { parsePlacement, printPlacement } from "./placement-text.ts";
export { printGraph } from "./print.ts";
export * from "./program.ts";
export { parseProgram, printProgram } from "./program-text.ts";
export * from "./small-float.ts";
export * from "./tensor.ts";
export { forgetElements, madeTensor, tensorOfSource, withShape } from "./tensor-source.ts";
export { constantBlobs, type Resources } from "./text/constant.ts";
export { parseExpr, printExpr } from "./text/expr.ts";
export { TextReader } from "./text/lexer.ts";
export { parseType } from "./text/type.ts";
export * from "./types.ts";
export { verifyGraph } from "./verify.ts";
