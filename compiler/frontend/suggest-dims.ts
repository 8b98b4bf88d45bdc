/** Dims by name: those that a model has, and values for them that it admits. */
import { type Diagnostic, diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import { isNearMiss, nameHint } from "../../ir/nearest.ts";
import type { OnnxModel, OnnxType, OnnxValueInfo } from "./onnx.ts";
import { anonymousDim, type DimBindings } from "./types.ts";

/** A name that no dim of a model's inputs and outputs has. */
export interface UnknownDim {
  readonly name: string;
  readonly problem: Diagnostic;
  /** it is nearly that of a dim */
  readonly isNear: boolean;
}

export function unknownDims({ graph }: OnnxModel, said: DimBindings): readonly UnknownDim[] {
  const inputs = new Set(graph.inputs.flatMap(dimNames));
  const known = new Set([...inputs, ...graph.inputs.flatMap(ownNames), ...graph.outputs.flatMap(dimNames)]);
  const unknown = [...said.keys()].filter((name) => !known.has(name));
  return unknown.map((name) => ({
    name,
    isNear: isNearMiss(name, [...inputs]),
    problem: diagnostic("error", "WSC7003", `the model has no dim "${showName(name)}" to bind`, {
      hint: nameHint(name, "dims to bind", [...inputs]),
    }),
  }));
}

/** Throws WSC7003 for names that no dim of the model's inputs and outputs has. */
export function checkDimNames(model: OnnxModel, said: DimBindings): void {
  const unknown = unknownDims(model, said);
  if (unknown.length > 0) throw new WscError(unknown.map(({ problem }) => problem));
}

const dimNames = ({ name, type }: OnnxValueInfo): readonly string[] => (type === null ? [] : openDims(type, name));

/** Names under which the dims of one input can be bound that have a name as well, which other inputs may share. */
const ownNames = ({ name, type }: OnnxValueInfo): readonly string[] =>
  type?.kind === "tensor"
    ? (type.dims ?? []).flatMap((dim, axis) => (typeof dim === "string" ? [anonymousDim(name, axis)] : []))
    : [];

/** Names of the dims of a declared type that are no numbers. */
function openDims(type: OnnxType, port: string): readonly string[] {
  switch (type.kind) {
    case "tensor":
      return (type.dims ?? []).flatMap((dim, axis) =>
        typeof dim === "number" ? [] : [dim ?? anonymousDim(port, axis)],
      );
    case "sequence":
    case "optional":
      return openDims(type.element, port);
    case "map":
      return [];
  }
}

/** Sizes that are tried: first what most models take, then larger ones, for windows that do not fit into less. */
const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;

/** The options that bind these dims to sizes with which the model can be lowered; where none is found, without sizes. */
export function suggestDims(symbols: readonly string[], admits: (dims: DimBindings) => boolean): string {
  const all = (size: number): DimBindings => new Map(symbols.map((symbol) => [symbol, size]));
  // the first dim is most often that of samples, of which one is enough
  const oneOf = (size: number): DimBindings => new Map([...all(size), [symbols[0] ?? "", 1]]);
  const found = sizes.flatMap((size) => [oneOf(size), all(size)]).find(admits);
  return symbols.map((symbol) => option(symbol, found?.get(symbol))).join(" ");
}

/** As a shell takes it. */
function option(symbol: string, size: number | undefined): string {
  const binding = `${showName(symbol)}=${size ?? "N"}`;
  return `--dim ${/^[\w.=-]+$/.test(binding) ? binding : `'${binding}'`}`;
}
