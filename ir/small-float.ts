/**
 * Floating-point numbers of 16 bits and fewer, which wsc carries as bit patterns: exact conversion to numbers and correctly rounded
 * conversion (to nearest, ties to even) from them.
 *
 * Layouts: IEEE 754 (f16, and f8e5m2), bfloat16, OCP 8-bit and microscaling formats (https://arxiv.org/abs/2209.05433,
 * https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf), the `fnuz` variants of
 * https://arxiv.org/abs/2206.02915. What does not fit is treated as ONNX's Cast says: https://onnx.ai/onnx/technical/float8.html.
 */

export type SmallFloat = "f16" | "bf16" | "f8e4m3fn" | "f8e4m3fnuz" | "f8e5m2" | "f8e5m2fnuz" | "f8e8m0" | "f4e2m1";

export interface NarrowOptions {
  /** 8-bit formats: what is too large becomes the largest finite value (the default), or else infinity or NaN */
  readonly saturate?: boolean;
  /** f8e8m0, which holds only powers of two: which of them; "up" is ONNX's default */
  readonly round?: "up" | "down" | "nearest";
}

/** A sign bit, then a magnitude of exponent and mantissa fields; magnitudes ascend with the value that they stand for. */
interface Format {
  readonly bits: 4 | 8 | 16;
  readonly mantissaBits: number;
  readonly bias: number;
  /** magnitude of the largest finite value */
  readonly largest: number;
  /** magnitude of infinity, where there is one */
  readonly infinity: number | null;
  /** the pattern that a NaN becomes; that of -0 in f4e2m1, which has none, as ml_dtypes does */
  readonly nan: number;
  /** magnitudes from here on are NaN */
  readonly firstNan: number;
  /** `fnuz`: -0 does not exist, its pattern is the NaN */
  readonly unsignedZero: boolean;
  /** a magnitude that overflows becomes `largest` unless the caller says otherwise */
  readonly saturates: boolean;
}

const ieee = { unsignedZero: false, saturates: false } as const;
const fnuz = { infinity: null, nan: 0x80, firstNan: Infinity, unsignedZero: true, saturates: true } as const;

type SignedFormat = Exclude<SmallFloat, "f8e8m0">;
const formats: Readonly<Record<SignedFormat, Format>> = {
  f16: { ...ieee, bits: 16, mantissaBits: 10, bias: 15, largest: 0x7bff, infinity: 0x7c00, nan: 0x7e00, firstNan: 0x7c01 },
  bf16: { ...ieee, bits: 16, mantissaBits: 7, bias: 127, largest: 0x7f7f, infinity: 0x7f80, nan: 0x7fc0, firstNan: 0x7f81 },
  f8e5m2: { ...ieee, bits: 8, mantissaBits: 2, bias: 15, largest: 0x7b, infinity: 0x7c, nan: 0x7e, firstNan: 0x7d, saturates: true },
  f8e4m3fn: { ...ieee, bits: 8, mantissaBits: 3, bias: 7, largest: 0x7e, infinity: null, nan: 0x7f, firstNan: 0x7f, saturates: true },
  f8e4m3fnuz: { ...fnuz, bits: 8, mantissaBits: 3, bias: 8, largest: 0x7f },
  f8e5m2fnuz: { ...fnuz, bits: 8, mantissaBits: 2, bias: 16, largest: 0x7f },
  f4e2m1: { ...ieee, bits: 4, mantissaBits: 1, bias: 1, largest: 7, infinity: null, nan: 8, firstNan: Infinity, saturates: true },
}; // prettier-ignore

const formatNames: ReadonlySet<string> = new Set([...Object.keys(formats), "f8e8m0"]);

/** True for the element types that this file converts. */
export const isSmallFloat = (dtype: string): dtype is SmallFloat => formatNames.has(dtype);

/** The number that a bit pattern stands for. */
export function decodeSmallFloat(dtype: SmallFloat, pattern: number): number {
  return dtype === "f8e8m0" ? decodeE8M0(pattern) : decode(formats[dtype], pattern);
}

/** The bit pattern of the nearest number of the format. */
export function encodeSmallFloat(dtype: SmallFloat, value: number, options: NarrowOptions = {}): number {
  return encoderOf(dtype, options)(value);
}

function encoderOf(dtype: SmallFloat, options: NarrowOptions): (value: number) => number {
  if (dtype === "f8e8m0") return (value) => encodeE8M0(value, options);
  const format = formats[dtype];
  const { saturate } = options;
  return (value) => encode(format, value, saturate);
}

function decode(format: Format, pattern: number): number {
  const signBit = 1 << (format.bits - 1);
  if (format.unsignedZero && pattern === signBit) return NaN;
  const magnitude = pattern & (signBit - 1);
  const size = decodeMagnitude(format, magnitude);
  return (pattern & signBit) === 0 ? size : -size;
}

function decodeMagnitude({ mantissaBits, bias, infinity, firstNan }: Format, magnitude: number): number {
  if (magnitude >= firstNan) return NaN;
  if (magnitude === infinity) return Infinity;
  const one = 1 << mantissaBits;
  const exponent = magnitude >> mantissaBits;
  const mantissa = magnitude & (one - 1);
  const unit = powerOfTwo(Math.max(exponent, 1) - bias - mantissaBits);
  return (exponent === 0 ? mantissa : one + mantissa) * unit;
}

function encode(format: Format, value: number, saturate: boolean | undefined): number {
  if (Number.isNaN(value)) return format.nan;
  const signBit = 1 << (format.bits - 1);
  const isNegative = value < 0 || Object.is(value, -0);
  const magnitude = encodeMagnitude(format, Math.abs(value));
  const fits = magnitude <= format.largest;
  const narrow = fits ? magnitude : overflow(format, saturate);
  if (narrow === null) return format.nan;
  if (narrow === 0 && format.unsignedZero) return 0;
  return isNegative ? narrow | signBit : narrow;
}

/** The magnitude for what is too large; null for NaN. Only formats that saturate by default can be told to, or not to. */
function overflow(format: Format, saturate: boolean | undefined): number | null {
  const mustSaturate = format.saturates && (saturate ?? true);
  return mustSaturate || format.bits === 4 ? format.largest : format.infinity;
}

/** The magnitude as if exponents had no upper bound: rounding up out of one binade carries into the exponent field by itself. */
function encodeMagnitude({ mantissaBits, bias }: Format, size: number): number {
  if (size === Infinity) return Infinity;
  const least = 1 - bias;
  const exponent = Math.max(binaryExponent(size), least);
  const units = roundHalfEven(size * powerOfTwo(mantissaBits - exponent));
  return (exponent - least) * (1 << mantissaBits) + units;
}

/** Doubles of this size and more have no fraction, so that adding it rounds, to nearest even as all of IEEE 754's additions do. */
const roundingSize = 2 ** 52;
const roundHalfEven = (x: number): number => x + roundingSize - roundingSize;

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/** floor(log2(size)) of a finite size; -1023 for zero and for what a double holds only as a subnormal. */
function binaryExponent(size: number): number {
  scratch[0] = size;
  return ((scratchWords[1] ?? 0) >>> 20) - 1023;
}

const powers = Float64Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074));
const powerOfTwo = (exponent: number): number => powers[exponent + 1074] ?? NaN;

const e8m0 = { bias: 127, largest: 0xfe, nan: 0xff } as const;

const decodeE8M0 = (pattern: number): number => (pattern === e8m0.nan ? NaN : 2 ** (pattern - e8m0.bias));

/** The sign is dropped, zero becomes the least power, infinity is not representable: as ONNX's reference does. */
function encodeE8M0(value: number, { saturate = true, round = "up" }: NarrowOptions): number {
  const size = Math.abs(value);
  if (!Number.isFinite(size)) return e8m0.nan;
  const exponent = Math.max(binaryExponent(size), -e8m0.bias);
  const fraction = size * powerOfTwo(-exponent);
  const isRoundedUp = round === "up" ? fraction > 1 : round === "nearest" && fraction >= 1.5;
  const pattern = exponent + e8m0.bias + (isRoundedUp ? 1 : 0);
  if (pattern <= e8m0.largest) return pattern;
  return saturate ? e8m0.largest : e8m0.nan;
}

export type SmallFloatBits = Uint8Array | Uint16Array;

const isWide = (dtype: SmallFloat): boolean => dtype === "f16" || dtype === "bf16";

/** Values of all bit patterns of a format, made when first asked for: 256 KB for the 16-bit ones, 1 KB for the others. */
const decodeTables = new Map<SmallFloat, Float32Array>();

function decodeTable(dtype: SmallFloat): Float32Array {
  const known = decodeTables.get(dtype);
  if (known !== undefined) return known;
  const patterns = isWide(dtype) ? 65_536 : dtype === "f4e2m1" ? 16 : 256;
  const table = Float32Array.from({ length: patterns }, (_, pattern) => decodeSmallFloat(dtype, pattern));
  decodeTables.set(dtype, table);
  return table;
}

/** Widens bit patterns; exact. */
export function toFloat32(dtype: SmallFloat, bits: SmallFloatBits): Float32Array {
  const table = decodeTable(dtype);
  const result = new Float32Array(bits.length);
  for (let i = 0; i < result.length; i++) result[i] = table[bits[i] ?? 0] ?? NaN;
  return result;
}

/** Narrows numbers (of f32 or f64) to bit patterns, rounding once. */
export function fromFloat32(dtype: SmallFloat, values: ArrayLike<number>, options: NarrowOptions = {}): SmallFloatBits {
  const result = isWide(dtype) ? new Uint16Array(values.length) : new Uint8Array(values.length);
  const encodeOne = encoderOf(dtype, options);
  for (let i = 0; i < result.length; i++) result[i] = encodeOne(values[i] ?? 0);
  return result;
}
