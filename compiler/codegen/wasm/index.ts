/** The encoder for WebAssembly binaries. */
export { type Features, maxPages, ModuleBuilder, type ModuleOptions } from "./module.ts";
export { FunctionBuilder, type FunctionType, type Label, type Local } from "./function.ts";
export type { LaneOpName, MemoryLaneOpName, MemoryOpName, OpName, ValType } from "./opcodes.ts";
export { addConst, type Bound, increment, loopRange, madd, mulConst, pushAddress, pushBound } from "./loops.ts";
