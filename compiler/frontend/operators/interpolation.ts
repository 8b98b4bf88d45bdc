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
  /** the output's length by which coordinates are stretched to the corners: scale x input, or `output` */
  readonly length: number;
  /** what is cut out, as parts of the input, in mode tf_crop_and_resize */
  readonly roi: readonly [begin: number, end: number];
  readonly coordinates: CoordinateMode;
}

export type Kernel =
  | { readonly mode: "nearest"; readonly rounding: NearestMode }
  | { readonly mode: "linear"; readonly antialias: boolean; readonly excludeOutside: boolean }
  | { readonly mode: "cubic"; readonly antialias: boolean; readonly excludeOutside: boolean; readonly a: number };

/** Output x of an axis is the sum over t of weights[t][x] times the input at positions[t][x]. */
export interface Taps {
  readonly outputs: number;
  readonly positions: readonly Int32Array[];
  readonly weights: readonly Float64Array[];
  /** 1 for output positions outside of what is interpolated, whose weights are all 0 */
  readonly outside: Uint8Array;
}

const f32 = Math.fround;

/**
 * Where output position x lies on the input axis. Every step rounds to f32, as in other runtimes: 1.5 / 0.6 is 2.5 only so, and which
 * neighbour is nearest hangs on it.
 */
function inputCoordinate(axis: AxisResize, x: number): number {
  const { input, output, length, roi, coordinates } = axis;
  const scale = f32(axis.scale);
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
      return f32(f32((input / 2) * f32(1 - f32(output / f32(scale * input)))) + halfPixel());
    case "align_corners":
      return output === 1 ? 0 : f32((x * (input - 1)) / f32(length - 1));
    case "tf_crop_and_resize": {
      const [begin, end] = roi;
      const inside = output === 1 ? (end - begin) / 2 : (x * (end - begin)) / (length - 1);
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

/**
 * Whether nearest neighbours of an axis that grows `factor` times are its elements, each `factor` times in a row, however long it is: outputs
 * `factor` apart lie one input apart, so that the first ones say it.
 */
export function repeatsNeighbours(factor: number, coordinates: CoordinateMode, rounding: NearestMode): boolean {
  if (coordinates !== "asymmetric" && coordinates !== "half_pixel" && coordinates !== "pytorch_half_pixel")
    return false;
  const axis = { input: 1, output: factor, scale: factor, length: factor, roi: [0, 1], coordinates } as const;
  return Array.from({ length: factor }, (_, x) =>
    rounded(inputCoordinate({ ...axis, output: 2 * factor }, x), rounding, factor),
  ).every((position) => position === 0 || Object.is(position, -0));
}

/** Weight of a neighbour at a distance: a tent. */
const tent = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

/** Keys' cubic convolution kernel (1981) with parameter a. */
export function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}

type Weighted = Exclude<Kernel, { readonly mode: "nearest" }>;

/** How much antialiasing widens a kernel when the axis shrinks. */
const stretchOf = (kernel: Weighted, scale: number): number => (kernel.antialias ? Math.min(scale, 1) : 1);

/** The first neighbour within the kernel's reach, counted from the one left of the coordinate. */
const firstNeighbour = (kernel: Weighted, scale: number): number =>
  Math.floor(-(kernel.mode === "linear" ? 1 : 2) / stretchOf(kernel, scale)) + 1;

/** Input positions that every output position is made of. */
export const tapCount = (kernel: Kernel, scale: number): number =>
  kernel.mode === "nearest" ? 1 : 2 - 2 * firstNeighbour(kernel, scale);

const clampTo = (position: number, size: number): number => Math.min(Math.max(position, 0), size - 1);

/** Weight of the input at `position` for an output that lies at `coordinate`. */
function weightAt(position: number, coordinate: number, { input, scale }: AxisResize, kernel: Weighted): number {
  if (kernel.excludeOutside && position !== clampTo(position, input)) return 0;
  const distance = (position - coordinate) * stretchOf(kernel, scale);
  return kernel.mode === "linear" ? tent(distance) : cubic(distance, kernel.a);
}

/** Makes the weights of output x add up to one. */
function normalize(weights: readonly Float64Array[], x: number): void {
  const sum = weights.reduce((total, list) => total + (list[x] ?? 0), 0);
  for (const list of weights) list[x] = (list[x] ?? 0) / sum;
}

/** The taps of every output position of an axis. */
export function tapsOf(axis: AxisResize, kernel: Kernel): Taps {
  const { input, output: outputs } = axis;
  const count = tapCount(kernel, axis.scale);
  const positions = Array.from({ length: count }, () => new Int32Array(outputs));
  const weights = Array.from({ length: count }, () => new Float64Array(outputs));
  const outside = new Uint8Array(outputs);
  const taps = { outputs, positions, weights, outside };
  for (let x = 0; x < outputs; x++) {
    const coordinate = inputCoordinate(axis, x);
    const isOutside = coordinate < 0 || coordinate > input - 1;
    if (axis.coordinates === "tf_crop_and_resize" && isOutside) outside[x] = 1;
    else fillTaps(taps, x, coordinate, axis, kernel);
  }
  return taps;
}

function fillTaps({ positions, weights }: Taps, x: number, coordinate: number, axis: AxisResize, kernel: Kernel): void {
  const first =
    kernel.mode === "nearest"
      ? rounded(coordinate, kernel.rounding, axis.scale)
      : Math.ceil(coordinate) - 1 + firstNeighbour(kernel, axis.scale);
  for (const [t, list] of positions.entries()) {
    list[x] = clampTo(first + t, axis.input);
    const column = weights[t];
    if (column !== undefined) column[x] = kernel.mode === "nearest" ? 1 : weightAt(first + t, coordinate, axis, kernel);
  }
  if (kernel.mode !== "nearest" && (kernel.excludeOutside || kernel.antialias)) normalize(weights, x);
}
