/**
 * Which input positions, with which weights, make up each output position along one resized axis. ONNX defines Resize axis by axis:
 * an output coordinate is mapped back onto the input, and its neighbours there are weighted by the distance. Axes are independent, so that
 * a resize is one such step per axis.
 */

export type CoordinateMode =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric"
  | "tf_half_pixel_for_nn"
  | "tf_crop_and_resize";

/** `simple` is what Upsample and Resize-10 do: down when growing, up when shrinking. */
export type NearestMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil" | "simple";

/** One axis to be resized. */
export interface AxisResize {
  readonly input: number;
  readonly output: number;
  /** output size / input size as the model gives it; `output` is this, rounded */
  readonly scale: number;
  /** what is cut out, as parts of the input, in mode tf_crop_and_resize */
  readonly roi: readonly [begin: number, end: number];
  readonly coordinates: CoordinateMode;
}

export type Kernel =
  | { readonly mode: "nearest"; readonly rounding: NearestMode }
  | { readonly mode: "linear"; readonly antialias: boolean; readonly excludeOutside: boolean }
  | { readonly mode: "cubic"; readonly antialias: boolean; readonly excludeOutside: boolean; readonly a: number };

/** An output position as a weighted sum of input positions; no taps: it lies outside of what is interpolated. */
export interface Taps {
  readonly positions: readonly number[];
  readonly weights: readonly number[];
}

const f32 = Math.fround;

/**
 * Where output position x lies on the input axis. Every step rounds to f32, as in other runtimes: 1.5 / 0.6 is 2.5 only so, and which
 * neighbour is nearest hangs on it.
 */
function inputCoordinate(axis: AxisResize, x: number): number {
  const { input, output, roi, coordinates } = axis;
  const scale = f32(axis.scale);
  const width = f32(scale * input);
  const halfPixel = (): number => f32(f32((x + 0.5) / scale) - 0.5);
  switch (coordinates) {
    case "asymmetric":
      return f32(x / scale);
    case "half_pixel":
      return halfPixel();
    case "tf_half_pixel_for_nn":
      return f32((x + 0.5) / scale);
    case "pytorch_half_pixel":
      return output === 1 ? 0 : halfPixel();
    case "half_pixel_symmetric":
      return f32(f32((input / 2) * f32(1 - f32(output / width))) + halfPixel());
    case "align_corners":
      return output === 1 ? 0 : f32((x * (input - 1)) / f32(width - 1));
    case "tf_crop_and_resize": {
      const [begin, end] = roi;
      const inside = output === 1 ? (end - begin) / 2 : (x * (end - begin)) / (width - 1);
      return f32((begin + inside) * (input - 1));
    }
  }
}

function rounded(coordinate: number, rounding: NearestMode, scale: number): number {
  switch (rounding) {
    case "round_prefer_floor":
      return Math.ceil(coordinate - 0.5);
    case "round_prefer_ceil":
      return Math.floor(coordinate + 0.5);
    case "floor":
      return Math.floor(coordinate);
    case "ceil":
      return Math.ceil(coordinate);
    case "simple":
      return scale < 1 ? Math.ceil(coordinate) : Math.floor(coordinate);
  }
}

/** Weight of a neighbour at a distance: a tent. */
const tent = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

/** Keys' cubic convolution kernel (1981) with parameter a. */
export function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}

/** Neighbours of a coordinate within the kernel's reach, which antialiasing widens when the axis shrinks. */
function neighbours(coordinate: number, kernel: Exclude<Kernel, { mode: "nearest" }>, scale: number): Taps {
  const stretch = kernel.antialias ? Math.min(scale, 1) : 1;
  const radius = kernel.mode === "linear" ? 1 : 2;
  const first = Math.floor(-radius / stretch) + 1;
  const left = Math.ceil(coordinate) - 1;
  const positions = Array.from({ length: 2 - 2 * first }, (_, i) => left + first + i);
  const weights = positions.map((position) => {
    const distance = (position - coordinate) * stretch;
    return kernel.mode === "linear" ? tent(distance) : cubic(distance, kernel.a);
  });
  return { positions, weights };
}

/** Weights that add up to one. */
function normalized(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const clampTo = (position: number, size: number): number => Math.min(Math.max(position, 0), size - 1);

/** The taps of every output position of an axis. */
export function tapsOf(axis: AxisResize, kernel: Kernel): readonly Taps[] {
  const none: Taps = { positions: [], weights: [] };
  return Array.from({ length: axis.output }, (_, x) => {
    const coordinate = inputCoordinate(axis, x);
    const outside = coordinate < 0 || coordinate > axis.input - 1;
    if (axis.coordinates === "tf_crop_and_resize" && outside) return none;
    return tapsAt(coordinate, axis, kernel);
  });
}

function tapsAt(coordinate: number, { input, scale }: AxisResize, kernel: Kernel): Taps {
  if (kernel.mode === "nearest") {
    return { positions: [clampTo(rounded(coordinate, kernel.rounding, scale), input)], weights: [1] };
  }
  const { positions, weights } = neighbours(coordinate, kernel, scale);
  const kept = kernel.excludeOutside
    ? weights.map((weight, i) => (positions[i] === clampTo(positions[i] ?? 0, input) ? weight : 0))
    : weights;
  const renormalize = kernel.excludeOutside || kernel.antialias;
  return {
    positions: positions.map((position) => clampTo(position, input)),
    weights: renormalize ? normalized(kept) : kept,
  };
}
