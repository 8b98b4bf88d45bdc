/**
 * A layer that no cut fits into the cores' SRAM: which operand is too large, by how much, and for each thing that could be changed the least change
 * with which it fits. Every change that is told was tried.
 */
import { type Axis, type Kernel, type Loop, type Operand, operandBytes } from "../../../ir/kernel-graph.ts";
import { mappingOperandBytes } from "../../../ir/machine/mapping-memory.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { narrowed } from "../../kernels/precision.ts";
import { variantsOf } from "../../kernels/library.ts";
import { presets } from "../../targets/presets.ts";

/** What a layer that does not fit is short of. Bytes are those of the fullest core. */
export interface LayerShortage {
  /** least SRAM per core with which it fits, to 1 %; null: none up to 1,024 times the target's */
  readonly sramBytes: number | null;
  /** the operand that takes most of it there; null where no SRAM is enough */
  readonly operand: { readonly name: string; readonly role: Operand["role"]; readonly bytes: number } | null;
  /** changes with which it fits, the least of each kind, as people say them */
  readonly changes: readonly string[];
}

/** True when a layer has a variant on a target. */
const fits = (kernel: Kernel, target: Target): boolean => variantsOf(kernel, target).candidates.length > 0;

const withSram = (target: Target, sramBytes: number): Target => ({ ...target, core: { ...target.core, sramBytes } });

const hasWide = ({ operands }: Kernel): boolean => operands.some(({ dtype }) => dtype === "f32");

const mostFactor = 1024;

/** Looks for what a layer without variants is short of. */
export function shortageOf(kernel: Kernel, target: Target): LayerShortage {
  const sramBytes = leastSram(kernel, target);
  const changes = [
    ...(sramBytes === null ? [] : [`core.sramBytes of ${sramBytes}`]),
    ...(hasWide(kernel) && fits(narrowed(kernel, "f16"), target) ? ["--precision f16"] : []),
    ...loopChanges(kernel, target),
    ...otherTargets(kernel, target),
  ];
  return {
    sramBytes,
    operand: sramBytes === null ? null : largestOperand(kernel, withSram(target, sramBytes)),
    changes,
  };
}

/** SRAM per core from which on the kernel has a variant, to 1%; null when none up to 1,024 times the target's is enough. */
function leastSram(kernel: Kernel, target: Target): number | null {
  const works = (sramBytes: number): boolean => fits(kernel, withSram(target, sramBytes));
  let low = target.core.sramBytes;
  let high = low * 2;
  while (!works(high)) {
    low = high;
    high *= 2;
    if (high > target.core.sramBytes * mostFactor) return null;
  }
  while (high > low * 1.01) {
    const middle = Math.round((low + high) / 2);
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The operand of which the fullest core holds most bytes under the variant that needs least. */
function largestOperand(kernel: Kernel, target: Target): LayerShortage["operand"] {
  const { candidates, describe } = variantsOf(kernel, target);
  const mappings = candidates.map((_, index) => describe(index).mapping);
  const held = mappings.map((mapping) => mappingOperandBytes(kernel, mapping));
  const total = (bytes: ReadonlyMap<string, number>): number => [...bytes.values()].reduce((sum, one) => sum + one, 0);
  const least = held.reduce((a, b) => (total(b) < total(a) ? b : a), held[0] ?? new Map<string, number>());
  const [largest] = [...least].sort(([, a], [, b]) => b - a);
  const operand = kernel.operands.find(({ name }) => name === largest?.[0]);
  return operand === undefined || largest === undefined
    ? null
    : { name: operand.name, role: operand.role, bytes: largest[1] };
}

/** Loops that may be shorter: those that the results run over, so that a smaller batch, image, sequence or layer is meant. */
function loopChanges(kernel: Kernel, target: Target): readonly string[] {
  const kept = new Set(
    kernel.operands.filter(({ role }) => role === "result").flatMap(({ axes }) => axes.flatMap(loopsOf)),
  );
  const weights = kernel.operands.filter(({ role }) => role === "weight");
  return kernel.loops.flatMap((loop) => {
    if (!kept.has(loop.name)) return [];
    const size = longestThatFits(kernel, loop, target);
    if (size === null) return [];
    const isWeight = weights.some(({ axes }) => axes.flatMap(loopsOf).includes(loop.name));
    return [`${isWeight ? "features" : "a dim"} ${loop.name} of at most ${size}, not ${loop.size}`];
  });
}

const loopsOf = (axis: Axis): readonly string[] =>
  axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [];

/** The greatest size of a loop with which the kernel fits; null when none does. */
function longestThatFits(kernel: Kernel, { name, size }: Loop, target: Target): number | null {
  const works = (shorter: number): boolean => fits(withLoop(kernel, name, shorter), target);
  if (size < 2 || !works(1)) return null;
  let low = 1;
  let high = size;
  while (high - low > Math.max(1, low >> 5)) {
    const middle = (low + high) >> 1;
    if (works(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The kernel with a loop of another size, its operands cut to what the loop then touches. */
function withLoop(kernel: Kernel, name: string, size: number): Kernel {
  const old = kernel.loops.find((loop) => loop.name === name)?.size ?? size;
  const loops = kernel.loops.map((loop) => (loop.name === name ? { name, size } : loop));
  const sizeOf = new Map(loops.map((loop) => [loop.name, loop.size]));
  const cut = (axis: Axis): Axis => {
    if (!loopsOf(axis).includes(name)) return axis;
    if (axis.kind !== "index") return { ...axis, size: Math.ceil((axis.size * size) / old) };
    const reach = axis.terms.reduce(
      (sum, { loop, factor }) => sum + Math.abs(factor) * ((sizeOf.get(loop) ?? 1) - 1),
      1,
    );
    return { ...axis, size: Math.min(axis.size, reach) };
  };
  const operands = kernel.operands.map((operand) => ({ ...operand, axes: operand.axes.map(cut) }));
  const bytes = (of: readonly Operand[], role: Operand["role"]): number =>
    of.reduce((sum, operand) => (operand.role === role ? sum + operandBytes(operand) : sum), 0);
  const share = (role: Operand["role"]): number => bytes(operands, role) / Math.max(1, bytes(kernel.operands, role));
  return {
    ...kernel,
    loops,
    operands,
    arriving: Math.ceil(kernel.arriving * share("activation")),
    leaving: Math.ceil(kernel.leaving * share("result")),
  };
}

const otherTargets = (kernel: Kernel, target: Target): readonly string[] =>
  [...presets.values()].flatMap((other) =>
    other.name !== target.name && fits(kernel, other) ? [`--target ${other.name}`] : [],
  );
