/**
 * Packed operands B: panels of neighbouring columns, in each panel the reduction's steps one after the other, in a step the panel's columns
 * (and for arithmetic on pairs, per column its two elements). What is missing to whole vectors and pairs is zero.
 *
 *     panel 0: step 0: n0 n1 … n7 | step 1: n0 … n7 | …   panel 1: …   ragged panel: only the vectors that it needs
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { elementCount, type TensorData, viewElements } from "../../../../ir/tensor.ts";
import type { PackedArg } from "../../kernel.ts";
import type { Arith } from "./arith.ts";
import { packedBytes, type Panels } from "./product.ts";

export interface PackLoop {
  readonly size: number;
  readonly stride: number;
}

/** Where the elements of a B lie in a dense tensor; strides in elements. */
export interface PackSource {
  /** matrices to pack one after the other */
  readonly matrices: readonly PackLoop[];
  /** loops of the reduction outside the run */
  readonly levels: readonly PackLoop[];
  /** loops that make the run, which is filled up to whole steps */
  readonly run: readonly PackLoop[];
  readonly columnStride: number;
  /** added to every position */
  readonly start?: number;
}

export interface PackPlan {
  readonly arith: Arith;
  readonly panels: Panels;
  readonly source: PackSource;
}

/** Offsets of all indices of some loops, row-major. */
function loopOffsets(loops: readonly PackLoop[]): Int32Array {
  let offsets = Int32Array.of(0);
  for (const { size, stride } of loops) {
    const next = new Int32Array(offsets.length * size);
    let at = 0;
    for (const offset of offsets) for (let i = 0; i < size; i++) next[at++] = offset + i * stride;
    offsets = next;
  }
  return offsets;
}

/** Stands for an element that is not there: what fills a run up to whole steps. */
const filler = -(2 ** 31);

/** Source offsets of the reduction's elements, step by step. */
function reductionOffsets(source: PackSource, arith: Arith): Int32Array {
  const run = loopOffsets(source.run);
  const outer = loopOffsets(source.levels);
  const runLength = Math.ceil(run.length / arith.kStep) * arith.kStep;
  const offsets = new Int32Array(outer.length * runLength).fill(filler);
  let at = 0;
  for (const offset of outer) {
    for (const [i, inner] of run.entries()) offsets[at + i] = offset + inner;
    at += runLength;
  }
  return offsets;
}

const rounds = (loops: readonly PackLoop[]): number => loops.reduce((count, loop) => count * loop.size, 1);

/** Steps of the whole reduction. */
const sourceSteps = (source: PackSource, arith: Arith): number =>
  rounds(source.levels) * Math.ceil(rounds(source.run) / arith.kStep);

/** Bytes of one packed matrix. */
export const matrixBytes = (plan: PackPlan): number =>
  packedBytes(plan.arith, plan.panels, sourceSteps(plan.source, plan.arith));

/** The argument for a constant B. */
export function packedArg(input: number, constant: TensorData, plan: PackPlan): PackedArg {
  const { arith, panels, source } = plan;
  const matrices = source.matrices.reduce((count, loop) => count * loop.size, 1);
  return {
    kind: "packed",
    input,
    layout: `panels ${JSON.stringify([arith.name, arith.b, panels.columns, panels.width, source])}`,
    byteLength: matrices * matrixBytes(plan),
    write: (target) => {
      writePanels(target, constant, plan);
    },
  };
}

type Numeric = { [index: number]: number; readonly length: number };

function writePanels(target: Uint8Array, constant: TensorData, plan: PackPlan): void {
  const count = target.byteLength / storageBytes(plan.arith.b);
  const view = viewElements(plan.arith.b, target.buffer, target.byteOffset, count) as unknown as Numeric &
    ArrayBufferView;
  const elements = constant.elements as unknown as Numeric;
  if (elements.length !== elementCount(constant.shape)) throw new Error("internal: packing a tensor that is not dense");
  const kOffsets = reductionOffsets(plan.source, plan.arith);
  let at = 0;
  for (const start of loopOffsets(plan.source.matrices)) {
    at = writeMatrix(view, at, elements, start + (plan.source.start ?? 0), kOffsets, plan);
  }
  if (view.buffer !== target.buffer) target.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

function writeMatrix(
  view: Numeric,
  start: number,
  elements: Numeric,
  base: number,
  kOffsets: Int32Array,
  plan: PackPlan,
): number {
  const { panels, arith, source } = plan;
  let at = start;
  for (let column = 0; column < panels.columns; column += panels.width) {
    const columns = Math.min(panels.width, panels.columns - column);
    const slots = Math.ceil(columns / arith.lanes) * arith.lanes;
    const from = base + column * source.columnStride;
    at = writePanel(view, at, elements, from, kOffsets, columns, slots, source.columnStride, arith.kStep);
  }
  return at;
}

function writePanel(
  view: Numeric,
  start: number,
  elements: Numeric,
  from: number,
  kOffsets: Int32Array,
  columns: number,
  slots: number,
  columnStride: number,
  kStep: number,
): number {
  if (columnStride === 1 && kStep === 1 && columns === slots) {
    return copyPanel(view, start, elements, from, kOffsets, columns);
  }
  let at = start;
  const zero = (typeof elements[0] === "bigint" ? 0n : 0) as number;
  for (let k = 0; k < kOffsets.length; k += kStep) {
    for (let column = 0; column < slots; column++) {
      for (let pair = 0; pair < kStep; pair++) {
        const offset = kOffsets[k + pair] as number;
        view[at++] =
          column < columns && offset !== filler ? (elements[from + offset + column * columnStride] as number) : zero;
      }
    }
  }
  return at;
}

/** A panel whose rows stand in the source as they are. */
function copyPanel(
  view: Numeric,
  start: number,
  elements: Numeric,
  from: number,
  kOffsets: Int32Array,
  columns: number,
): number {
  let at = start;
  for (const offset of kOffsets) {
    const row = from + offset;
    for (let column = 0; column < columns; column++) view[at + column] = elements[row + column] as number;
    at += columns;
  }
  return at;
}
