/** What a page and the worker that compiles for it say to each other: plain data, which browsers copy from one to the other. */
import type { Precision } from "../../ir/kernel-graph.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { CompiledOpenProgram, OpenProgram } from "../../ir/open/program.ts";
import type { CompiledProgram, Program, WeightSegment } from "../../ir/program.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { KnownInput, ModelPort, NamedText } from "../model-compiler.ts";
import type { UnknownName } from "../session-options.ts";

/** What a model is opened with. */
export interface OpenSettings {
  readonly dims: ReadonlyMap<string, number>;
  readonly externalData: ReadonlyMap<string, Uint8Array>;
  readonly tuning: NamedText | null;
  readonly joinVectors: boolean;
  readonly precision: Precision;
}

export type KnownInputs = ReadonlyMap<string, KnownInput>;

/** Shapes of inputs, by name. */
export type FedShapes = ReadonlyMap<string, readonly number[]>;

/** Questions of the page; models are numbered by it. */
export type Question =
  | {
      readonly kind: "open";
      readonly model: number;
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly settings: OpenSettings;
    }
  | { readonly kind: "compile"; readonly model: number; readonly known: KnownInputs }
  | { readonly kind: "compileOpen"; readonly model: number; readonly shapes: FedShapes }
  | { readonly kind: "fragment"; readonly payload: TensorData; readonly known: KnownInputs }
  | { readonly kind: "close"; readonly model: number };

export type Request = Question & { readonly id: number };

/** What a model takes and gives, and the dims to be bound that it does not have. */
export interface OpenedModel {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  readonly unknown: readonly UnknownName[];
}

export type Answer =
  | { readonly kind: "opened"; readonly opened: OpenedModel }
  | { readonly kind: "compiled"; readonly packed: PackedProgram }
  | { readonly kind: "compiledOpen"; readonly packed: PackedOpenProgram }
  /** why there is no program with open dims */
  | { readonly kind: "notOpen"; readonly reason: string }
  | { readonly kind: "closed" }
  /** what is wrong with the model */
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
  /** a defect, or no memory */
  | { readonly kind: "broken"; readonly message: string };

export type Reply = Answer & { readonly id: number };

/** What is compiled, as data: its weights lie in one buffer, as they will lie in memory. */
interface Packed<P> {
  readonly program: P;
  readonly modules: readonly (readonly [file: string, binary: Uint8Array<ArrayBuffer>])[];
  readonly segments: readonly Omit<WeightSegment, "write">[];
  /** from address 0 on */
  readonly weights: Uint8Array<ArrayBuffer>;
}

export type PackedProgram = Packed<Program>;
export type PackedOpenProgram = Packed<OpenProgram>;

/** Writes a program's weights; throws a RangeError where there is no memory for them. */
export const packProgram = (compiled: CompiledProgram): PackedProgram =>
  packed(compiled, compiled.program.memory.weightsOffset + compiled.program.memory.weightsBytes);

/** The same for a program with open dims, whose weights begin at 0. */
export const packOpenProgram = (compiled: CompiledOpenProgram): PackedOpenProgram =>
  packed(compiled, compiled.program.weights.bytes);

interface Unpacked<P> {
  readonly program: P;
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly weights: readonly WeightSegment[];
}

function packed<P>({ program, modules, weights: parts }: Unpacked<P>, bytes: number): Packed<P> {
  const weights = new Uint8Array(bytes);
  for (const { offset, byteLength, write } of parts) write(weights.subarray(offset, offset + byteLength));
  return {
    program,
    modules: [...modules].map(([file, binary]) => [file, new Uint8Array(binary)]),
    segments: parts.map(({ content, offset, byteLength }) => ({ content, offset, byteLength })),
    weights,
  };
}

export const unpackProgram = <P>({ program, modules, segments, weights }: Packed<P>): Unpacked<P> => ({
  program,
  modules: new Map(modules),
  weights: segments.map((segment) => ({
    ...segment,
    write: (target) => {
      target.set(weights.subarray(segment.offset, segment.offset + segment.byteLength));
    },
  })),
});

/** Buffers that a program's data need not be copied for. */
export const buffersOf = ({ modules, weights }: Pick<Packed<unknown>, "modules" | "weights">): ArrayBuffer[] => [
  weights.buffer,
  ...modules.map(([, binary]) => binary.buffer),
];
