/** Packs an operand B that is no constant into panels when the program runs. One unit is one panel. */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType, type ScratchArg } from "../../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { loadScalar, storeScalar } from "../../elements.ts";
import { elementLocal, loadLanes } from "./access.ts";
import { decodeIndex, pushOffset } from "../index-space.ts";
import { matrixBytes, type PackLoop, type PackPlan } from "./pack.ts";

export function packStage(
  plan: PackPlan,
  from: DType,
  input: KernelArg,
  scratchId: number,
): { code: KernelCode; scratch: ScratchArg } {
  const matrices = plan.source.matrices.reduce((count, loop) => count * loop.size, 1);
  const scratch: ScratchArg = { kind: "scratch", id: scratchId, byteLength: matrices * matrixBytes(plan) };
  const { arith, ...rest } = plan;
  const code: KernelCode = {
    key: kernelKey("pack", arith.name, arith.b, from, rest),
    units: matrices * plan.panels.count,
    args: [input, scratch],
    work: scratch.byteLength / storageBytes(arith.b),
    emit: (module) => emitPack(module, plan, from),
  };
  return { code, scratch };
}

interface Context {
  readonly f: FunctionBuilder;
  readonly plan: PackPlan;
  readonly from: DType;
  /** address of the next element to write; moves on */
  readonly out: Local;
}

function emitPack(module: ModuleBuilder, plan: PackPlan, from: DType): number {
  return module.function("pack_panels", kernelType(2), (f) => {
    const { panels, source, arith } = plan;
    const context: Context = { f, plan, from, out: f.local("i32") };
    const [unit, base] = [f.local("i32"), f.local("i32")];
    const fromBytes = storageBytes(from);
    const whole = matrixBytes({ ...plan, panels: { ...panels, full: 1, rest: 0 } });
    loopRange(f, unit, f.param(2), f.param(3), 1, () => {
      const indices = decodeIndex(f, unit, [...source.matrices.map((loop) => loop.size), panels.count]);
      const panel = indices.at(-1) ?? 0;
      const matrix = decodeMatrix(f, unit, panels.count);
      f.get(f.param(0));
      for (const [i, loop] of source.matrices.entries()) pushOffset(f, indices[i] ?? 0, loop.stride * fromBytes);
      pushOffset(f, panel, panels.width * source.columnStride * fromBytes);
      pushOffset(f, 1, (source.start ?? 0) * fromBytes);
      f.set(base);
      f.get(f.param(1));
      pushOffset(f, matrix, matrixBytes(plan));
      pushOffset(f, panel, whole);
      f.set(context.out);
      emitPanel(context, panel, base);
      f.release(matrix);
    });
    if (arith.kStep > 2) throw new Error("internal: steps of more than two elements");
  });
}

/** Which matrix a unit belongs to. */
function decodeMatrix(f: FunctionBuilder, unit: Local, panelCount: number): Local {
  const matrix = f.local("i32");
  f.get(unit);
  f.i32(panelCount);
  f.op("i32.div_u");
  f.set(matrix);
  return matrix;
}

/** A whole panel or the ragged one, as the panel's index says. */
function emitPanel(context: Context, panel: Local | number, base: Local): void {
  const { f, plan } = context;
  const { panels } = plan;
  const whole = (): void => {
    emitReduction(context, base, panels.width);
  };
  const ragged = (): void => {
    emitReduction(context, base, panels.rest);
  };
  if (panels.rest === 0) whole();
  else if (panels.full === 0 || typeof panel === "number") ragged();
  else {
    f.get(panel);
    f.i32(panels.full);
    f.op("i32.lt_u");
    f.if(whole, ragged);
  }
}

function emitReduction(context: Context, base: Local, columns: number): void {
  const { plan, f } = context;
  const { levels, run } = plan.source;
  if (run.length > 1 && plan.arith.kStep > 1)
    throw new Error("internal: pairs across loops are packed while compiling only");
  const walk = (loops: readonly PackLoop[], at: Local): void => {
    const [loop = { size: 1, stride: 0 }, ...inner] = loops;
    if (inner.length === 0) {
      emitRun(context, at, columns, loop);
      return;
    }
    const [counter, pointer] = [f.local("i32"), f.local("i32")];
    f.get(at);
    f.set(pointer);
    loopRange(f, counter, 0, loop.size, 1, () => {
      walk(inner, pointer);
      increment(f, pointer, loop.stride * storageBytes(context.from));
    });
    f.release(counter, pointer);
  };
  walk([...levels, ...run], base);
}

function emitRun(context: Context, start: Local, columns: number, loop: PackLoop): void {
  const { f, plan, from } = context;
  const { kStep } = plan.arith;
  const stepBytes = loop.stride * storageBytes(from);
  const [counter, pointer] = [f.local("i32"), f.local("i32")];
  f.get(start);
  f.set(pointer);
  loopRange(f, counter, 0, Math.floor(loop.size / kStep), 1, () => {
    emitStep(context, pointer, columns, kStep, stepBytes);
    increment(f, pointer, kStep * stepBytes);
  });
  if (loop.size % kStep > 0) emitStep(context, pointer, columns, loop.size % kStep, stepBytes);
  f.release(counter, pointer);
}

/** One step: all columns of the panel, each with its pair where the arithmetic works on pairs; missing ones are zero. */
function emitStep(context: Context, pointer: Local, columns: number, elements: number, stepBytes: number): void {
  const { f, plan, from, out } = context;
  const { arith, source } = plan;
  const slots = Math.ceil(columns / arith.lanes) * arith.lanes;
  const bytes = storageBytes(arith.b);
  if (source.columnStride === 1 && from === arith.b && arith.kStep === 1) {
    for (let column = 0; column < columns; column += arith.lanes) {
      f.get(out);
      loadLanes(f, from, pointer, column * bytes, arith.lanes, Math.min(arith.lanes, columns - column));
      f.store("v128.store", column * bytes);
    }
  } else {
    for (let slot = 0; slot < slots * arith.kStep; slot++) {
      const [column, pair] = [Math.floor(slot / arith.kStep), slot % arith.kStep];
      const inside = column < columns && pair < elements;
      const offset = column * source.columnStride * storageBytes(from) + pair * stepBytes;
      emitElement(context, pointer, inside ? offset : null, slot * bytes);
    }
  }
  increment(f, out, slots * arith.kStep * bytes);
}

function emitElement({ f, from, plan, out }: Context, pointer: Local, source: number | null, target: number): void {
  f.get(out);
  if (source === null) pushZero(f, plan.arith.b);
  else {
    f.get(pointer);
    loadScalar(f, from, source);
  }
  storeScalar(f, plan.arith.b, target);
}

function pushZero(f: FunctionBuilder, dtype: DType): void {
  const type = elementLocal(dtype);
  if (type === "i64") f.i64(0n);
  else if (type === "f32") f.f32(0);
  else if (type === "f64") f.f64(0);
  else f.i32(0);
}
