/**
 * What the runtime needs of the compiler, which it loads only when it is given an `.onnx` model or meets a `deferred` step.
 * The compiler implements these types (compiler/session-compiler.ts); the runtime knows no more of it.
 */
import type { Precision } from "../ir/kernel-graph.ts";
import type { Port, ValueType } from "../ir/graph.ts";
import type { CompiledOpenProgram } from "../ir/open/program.ts";
import type { CompiledProgram } from "../ir/program.ts";
import type { TensorData } from "../ir/tensor.ts";
import { isNode } from "./platform.ts";
import type { UnknownName } from "./session-options.ts";

export interface ModelPort {
  readonly name: Port["name"];
  readonly type: ValueType;
}

/** What is known of an input before compiling: its type, and its value where that decides shapes. */
export interface KnownInput {
  readonly type: ValueType;
  readonly constant?: TensorData;
}

/** A decoded model, ready to be compiled for particular shapes. */
export interface OpenModel {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  /** compiles for inputs of these types, by name; inputs that are left out keep their declared static types */
  compile(known: ReadonlyMap<string, KnownInput>): Promise<CompiledProgram>;
  /** compiles for inputs of these shapes, by name, and all others that the result admits; null for a compiler that cannot */
  readonly compileOpen: ((shapes: ReadonlyMap<string, readonly number[]>) => Promise<OpenCompilation>) | null;
}

/** A program with open dims, or why the model has none. */
export type OpenCompilation =
  | { readonly kind: "open"; readonly compiled: CompiledOpenProgram }
  | { readonly kind: "closed"; readonly reason: string };

export interface OpenOptions {
  /** values of symbolic dims, by name */
  readonly dims?: ReadonlyMap<string, number>;
  /** is told of those that the model does not have, which are left out; may throw */
  readonly onUnknownDims?: (unknown: readonly UnknownName[]) => void;
  /** external data by location, where it cannot be read from the model's folder */
  readonly externalData?: ReadonlyMap<string, Uint8Array>;
  /** files on this machine that hold external data, by location; of these, what is needed is read when it is needed */
  readonly externalPaths?: ReadonlyMap<string, string>;
  /** a tuning file: choices for kernels */
  readonly tuning?: NamedText;
  /** kernels for engines that join pairs of vectors */
  readonly joinVectors?: boolean;
  /** what f32 operands of layers are rounded to */
  readonly precision?: Precision;
  /** in a page, programs are kept for the next time; default true */
  readonly cachePrograms?: boolean;
}

/** Text of a file, and what the file is called in messages. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

export interface ModelCompiler {
  open(source: string | URL | Uint8Array, options: OpenOptions): Promise<OpenModel>;
  /** compiles the payload of a `deferred` step */
  compileFragment(payload: TensorData, known: ReadonlyMap<string, KnownInput>): Promise<CompiledProgram>;
  /** compiles it for inputs of these dims, of which the names are open, and of these shapes at hand; null for a compiler that cannot */
  readonly compileOpenFragment:
    | ((
        payload: TensorData,
        dims: ReadonlyMap<string, readonly (number | string)[]>,
        shapes: ReadonlyMap<string, readonly number[]>,
      ) => Promise<OpenCompilation>)
    | null;
}

/** Loads the compiler; the one place where the runtime reaches for it. Pages have it in a worker. */
export async function loadCompiler(): Promise<ModelCompiler> {
  if (!isNode()) return (await import("./browser/worker-compiler.ts")).workerCompiler;
  const { modelCompiler } = await import("../compiler/session-compiler.ts");
  return modelCompiler;
}
