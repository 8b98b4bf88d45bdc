/**
 * A model compiled for all its shapes: several open programs, of which each shape is admitted by one. A size of 0 or 1 is a number in a program (one row, one
 * token and an empty cache have ways of their own), so that there are programs for them beside those of larger sizes. All share kernels and weights.
 */
import type { DimRange } from "../dim.ts";
import { fail, showName } from "../diagnostic.ts";
import { tensorType, type ValueType } from "../graph.ts";
import { alignUp } from "../memory-plan.ts";
import { nameHint } from "../nearest.ts";
import { type Program, type ProgramModule, programVersion, type WeightSegment } from "../program.ts";
import type { OpenProgram } from "./program.ts";

export const familyVersion = 1;

/** Largest size of a dim that WebAssembly's 32 bits can address: the end of a range that nobody has given one. */
export const mostOfAnyDim: number = 2 ** 32;

/** An input or output as the model declares it; its symbols are names among its dims. */
export interface FamilyPort {
  readonly name: string;
  readonly type: ValueType;
}

/** A dim that is open, with the sizes that the family is for. */
export interface FamilyDim extends DimRange {
  readonly name: string;
}

/** One of the programs, without what all share. */
export type FamilyMember = Omit<OpenProgram, "name" | "weights" | "modules">;

export interface OpenFamily {
  readonly kind: "open";
  readonly version: typeof familyVersion;
  readonly name: string;
  readonly inputs: readonly FamilyPort[];
  readonly outputs: readonly FamilyPort[];
  readonly dims: readonly FamilyDim[];
  readonly weights: OpenProgram["weights"];
  /** in order of preference */
  readonly modules: readonly ProgramModule[];
  readonly programs: readonly FamilyMember[];
}

export interface CompiledFamily {
  readonly family: OpenFamily;
  /** by `ProgramModule.file` */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly weights: readonly WeightSegment[];
}

/** The programs, each whole. */
export const programsOf = ({ name, weights, modules, programs }: OpenFamily): readonly OpenProgram[] =>
  programs.map((member) => ({ name, ...member, weights, modules }));

/** A program that does nothing, with the family's weights and kernels: what is loaded once for all shapes. */
export const baseProgram = ({ name, weights, modules }: OpenFamily): Program => ({
  version: programVersion,
  name,
  inputs: [],
  outputs: [],
  memory: { weightsOffset: 0, weightsBytes: weights.bytes, arenaOffset: alignUp(weights.bytes), arenaBytes: 0 },
  modules,
  values: [],
  steps: [],
});

/**
 * The family with sizes for some of its dims, as a caller fixes them: its ports have numbers there. Throws WSC7003 for a dim that it does not have, WSC7002 for a size
 * that it is not for.
 */
export function withDims(family: OpenFamily, sizes: ReadonlyMap<string, number>): OpenFamily {
  if (sizes.size === 0) return family;
  const ranges = new Map(family.dims.map((dim) => [dim.name, dim]));
  for (const [name, size] of sizes) {
    const range = ranges.get(name);
    if (range === undefined)
      throw fail("WSC7003", `the folder has no dim "${showName(name)}" to bind`, {
        hint: nameHint(name, "dims to bind", [...ranges.keys()]),
      });
    if (size < range.least || size > range.most)
      throw fail("WSC7002", `dim ${showName(name)} is ${size}, must be ${showRange(range)}`);
  }
  const bound = ({ name, type }: FamilyPort): FamilyPort => {
    if (type.kind !== "dynamic" || type.dims === null) return { name, type };
    const dims = type.dims.map((dim) => (typeof dim === "number" ? dim : (sizes.get(dim) ?? dim)));
    const shape = dims.filter((dim) => typeof dim === "number");
    const isKnown = shape.length === dims.length;
    return { name, type: isKnown ? tensorType(type.dtype, shape) : { ...type, dims } };
  };
  return {
    ...family,
    inputs: family.inputs.map(bound),
    outputs: family.outputs.map(bound),
    dims: family.dims.map(({ name, least, most }) => {
      const size = sizes.get(name);
      return size === undefined ? { name, least, most } : { name, least: size, most: size };
    }),
  };
}

/** `1 to 512`, `at least 1`. */
export const showRange = ({ least, most }: DimRange): string =>
  most === mostOfAnyDim ? `at least ${least}` : least === most ? String(least) : `${least} to ${most}`;

/**
 * The sizes of the dims for inputs of these shapes, in the order of the inputs. Throws WSC7002, with the dim's name, for one that is out of its range, or that two
 * inputs give two sizes.
 */
export function dimsFor(family: OpenFamily, shapes: readonly (readonly number[])[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const ranges = new Map(family.dims.map((dim) => [dim.name, dim]));
  for (const [index, { name: port, type }] of family.inputs.entries()) {
    const declared = type.kind === "dynamic" ? (type.dims ?? []) : [];
    for (const [axis, dim] of declared.entries()) {
      const size = shapes[index]?.[axis];
      if (typeof dim === "number" || size === undefined) continue;
      const subject = `input "${showName(port)}"`;
      const before = sizes.get(dim);
      if (before !== undefined && before !== size)
        throw fail("WSC7002", `dim ${showName(dim)} is ${size} here and ${before} before`, { subject });
      const range = ranges.get(dim);
      if (range !== undefined && (size < range.least || size > range.most)) {
        throw fail("WSC7002", `dim ${showName(dim)} is ${size}, must be ${showRange(range)}`, {
          subject,
          hint: `the model was compiled for these sizes: wsc compile MODEL --dim ${showName(dim)}=${Math.min(size, range.least)}..${Math.max(size, range.most)}`,
        });
      }
      sizes.set(dim, size);
    }
  }
  return sizes;
}
