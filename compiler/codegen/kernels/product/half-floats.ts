/**
 * Weights of f32 that all are numbers of a 16-bit format, as those of models that were trained or stored in f16 or bf16, kept in 16 bits: a
 * product with few rows waits for its weights to come from memory, so half the bytes is nearly half the time. Nothing is rounded.
 *
 *     bf16   the upper half of an f32: shifted back when it is loaded
 *     f16    fields moved to where f32 has them, then times 2^(127 - 15), which makes subnormals right too; infinities and NaN stay f32.
 *            Weights below 64 are kept times 1024: then none is subnormal, which cores multiply slowly
 */
import { decodeSmallFloat, encodeSmallFloat } from "../../../../ir/small-float.ts";
import { makeTensor, type TensorData } from "../../../../ir/tensor.ts";
import { isAtHand, madeTensor } from "../../../../ir/tensor-source.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { hoistSplats, pushSplat } from "../../math/constants.ts";
import { type Arith, arithFor } from "./arith.ts";

/** A constant in 16 bits, and the arithmetic that reads it. */
export interface HalfWeights {
  readonly arith: Arith;
  readonly constant: TensorData;
}

const f32 = arithFor("f32", "f32", false);

const loadBf16: Arith["loadB"] = (f, offset) => {
  f.load("v128.load16x4_u", offset);
  shiftLeft(f, 16);
};

/** Loads numbers that are kept times 2^shift. */
const loadF16 =
  (shift: number): Arith["loadB"] =>
  (f, offset) => {
    f.load("v128.load16x4_s", offset);
    shiftLeft(f, 13);
    // the sign, five bits of exponent and ten of mantissa; copies of the sign between them go
    pushSplat(f, "i32x4", 0x8fffe000 | 0);
    f.op("v128.and");
    pushSplat(f, "f32x4", 2 ** (112 - shift));
    f.op("f32x4.mul");
  };

function shiftLeft(f: FunctionBuilder, bits: number): void {
  f.i32(bits);
  f.op("i32x4.shl");
}

/** A way to keep f32 in 16 bits; with more than `mostRows` rows, widening for every tile costs more than the bytes (measured). */
interface HalfForm {
  readonly name: string;
  readonly dtype: "f16" | "bf16";
  readonly loadB: Arith["loadB"];
  /** of an f32's bits; negative where that would round */
  readonly patternOf: (bits: number) => number;
  readonly mostRows: number;
}

const f16Form = (shift: number): HalfForm => ({
  name: `f32-f16<<${shift}`,
  dtype: "f16",
  loadB: loadF16(shift),
  patternOf: (bits) => patternOfF16(bits, shift),
  mostRows: 2,
});

const forms: readonly HalfForm[] = [
  { name: "f32-bf16", dtype: "bf16", loadB: loadBf16, patternOf: patternOfBf16, mostRows: 4 },
  f16Form(10),
  f16Form(0),
];

/** The constant of a product with so many rows in the first form that has all its values; null if there is none that pays. */
export function halfWeights(constant: TensorData, rows: number): HalfWeights | null {
  if (constant.dtype !== "f32") return null;
  for (const { name, dtype, loadB, patternOf, mostRows } of forms) {
    const patterns = rows <= mostRows ? patternsOf(constant, patternOf) : null;
    if (patterns === null) continue;
    const arith: Arith = { ...f32, name, b: dtype, bVectorBytes: 8, loadB };
    return {
      arith,
      constant: isAtHand(constant) ? makeTensor(dtype, constant.shape, patterns) : laterHalves(constant, name),
    };
  }
  return null;
}

/** The patterns of a constant that is not at hand, found once more when they are stored: nobody keeps them until then. */
function laterHalves(constant: TensorData, name: string): TensorData {
  const { dtype, patternOf } = formNamed(name);
  const load = (): Uint16Array => {
    const patterns = patternsOf(constant, patternOf);
    if (patterns === null) throw new Error(`internal: weights changed while they were packed as ${name}`);
    return patterns;
  };
  return madeTensor(dtype, constant.shape, { recipe: name, from: [constant], load });
}

/** From this many rows on a panel is widened once for all of them (measured). */
const widenedRows = 24;

/** The constant of a product of so many rows whose panels are to be widened; null if it has no form, or if there are too few rows. */
export const halfPanels = (constant: TensorData | undefined, arith: Arith, rows: number): HalfWeights | null =>
  constant === undefined || arith.name !== "f32" || rows < widenedRows ? null : halfWeights(constant, 1);

/** Bytes of a vector's four elements. */
export const halfVectorBytes = 8;

function formNamed(name: string): HalfForm {
  const form = forms.find((one) => one.name === name);
  if (form === undefined) throw new Error(`internal: no 16-bit form ${name}`);
  return form;
}

/**
 * Adds a function (source, target, steps) that widens so many steps of `vectors` vectors in the named form to f32. It stands apart from the
 * product: V8 spills the product's accumulators when both are in one function (three quarters of the speed).
 */
export function halfWidener(module: ModuleBuilder, name: string, vectors: number): number {
  const form = formNamed(name);
  return module.function("widen_halves", { params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [from, to, steps] = f.params as [Local, Local, Local];
    hoistSplats(f, (probe) => {
      probe.i32(0);
      form.loadB(probe, 0);
      probe.drop();
    });
    loopRange(f, f.local("i32"), 0, steps, 1, () => {
      for (let vector = 0; vector < vectors; vector++) {
        f.get(to);
        f.get(from);
        form.loadB(f, halfVectorBytes * vector);
        f.store("v128.store", 16 * vector);
      }
      increment(f, from, halfVectorBytes * vectors);
      increment(f, to, 16 * vectors);
    });
  });
}

/** Elements looked at before memory is taken: most constants are ruled out by the first ones. */
const sampled = 256;

function patternsOf(constant: TensorData, patternOf: (bits: number) => number): Uint16Array | null {
  const elements = constant.elements as Float32Array;
  const bits = new Uint32Array(elements.buffer, elements.byteOffset, elements.length);
  for (let i = 0; i < Math.min(sampled, bits.length); i++) if (patternOf(bits[i] as number) < 0) return null;
  const patterns = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const pattern = patternOf(bits[i] as number);
    if (pattern < 0) return null;
    patterns[i] = pattern;
  }
  return patterns;
}

function patternOfBf16(bits: number): number {
  return (bits & 0xffff) === 0 ? bits >>> 16 : -1;
}

/** Biased exponents of f32 that are those of normal numbers of f16. */
const leastNormal = 113;
const greatestNormal = 142;

function patternOfF16(bits: number, shift: number): number {
  if ((bits & 0x1fff) !== 0) return -1;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) + shift;
  if (exponent >= leastNormal && exponent <= greatestNormal) {
    return sign | ((exponent - leastNormal + 1) << 10) | ((bits >>> 13) & 0x3ff);
  }
  if ((bits & 0x7fffffff) === 0) return sign;
  return exponent > greatestNormal ? -1 : patternOfSubnormal(bits, shift);
}

const scratch = new Uint32Array(1);
const scratchFloat = new Float32Array(scratch.buffer);

function patternOfSubnormal(bits: number, shift: number): number {
  scratch[0] = bits;
  const value = (scratchFloat[0] as number) * 2 ** shift;
  const pattern = encodeSmallFloat("f16", value);
  return decodeSmallFloat("f16", pattern) === value ? pattern : -1;
}
