/** The runtime's entry: its names, also as members of a default export, which programs for onnxruntime may import. */
import * as runtime from "./exports.ts";

export * from "./exports.ts";
export default runtime;
