/**
 * The kernels of the ISPD-2020 wafer placement contest, a second kernel library for the placer: training kernels of a network, each a `conv` or a
 * residual block of convolutions. Formulas and rules: the contest's example benchmark of 2020-02-10.
 *
 *     conv(H, W, R, S, C, K, T; h, w, c, k)     height = h*w*(c+1)    width = 3*k       (3: forward, backward and weight update side by side)
 *         time   = ceil(H/h) * ceil(W/w) * ceil(C/c) * ceil(K/k) * R*S / T^2              cycles
 *         memory = C/c * K/k * R*S + (W+S-1)/w * (H+R-1)/h * K/k                           words per core, no ceilings
 *     a block: h and w shared by its convolutions; height, time and memory are the largest, width is the sum
 */

export const contestTypes = ["conv", "dblock", "cblock"] as const;

export type ContestType = (typeof contestTypes)[number];

/** Sizes of one convolution: image H x W, filter R x S, channels C -> K, stride T. Blocks give halves and quarters too. */
export interface ConvSizes {
  readonly H: number;
  readonly W: number;
  readonly R: number;
  readonly S: number;
  readonly C: number;
  readonly K: number;
  readonly T: number;
}

export interface ContestKernel {
  readonly name: string;
  readonly type: ContestType;
  /** formal arguments in the order in which a paint file lists them */
  readonly formal: readonly number[];
  readonly convs: readonly ConvSizes[];
  /** whose output leaves the block; its input enters by the first one */
  readonly lastConv: number;
}

/** How a kernel is cut: shared by its convolutions h and w; for each of them c and k. */
export interface Execution {
  readonly h: number;
  readonly w: number;
  readonly c: readonly number[];
  readonly k: readonly number[];
}

/** What a cut costs. */
export interface Performance {
  /** cores */
  readonly height: number;
  readonly width: number;
  /** cycles; quarter steps with stride 2 */
  readonly time: number;
  /** words of the fullest core */
  readonly memory: number;
}

/** Convolutions of a residual block without (dblock) and with a change of size (cblock), for F output features. */
const blockConvs: Readonly<Record<"dblock" | "cblock", (H: number, W: number, F: number) => readonly ConvSizes[]>> = {
  dblock: (H, W, F) => [
    { H, W, R: 1, S: 1, C: F, K: F / 4, T: 1 },
    { H, W, R: 3, S: 3, C: F / 4, K: F / 4, T: 1 },
    { H, W, R: 1, S: 1, C: F / 4, K: F, T: 1 },
  ],
  cblock: (H, W, F) => [
    { H, W, R: 1, S: 1, C: F / 2, K: F / 4, T: 1 },
    { H, W, R: 3, S: 3, C: F / 4, K: F / 4, T: 2 },
    { H: H / 2, W: W / 2, R: 1, S: 1, C: F / 4, K: F, T: 1 },
    { H, W, R: 1, S: 1, C: F / 2, K: F, T: 2 },
  ],
};

/** A convolution as a kernel. */
export const convKernel = (name: string, sizes: ConvSizes, unused: number): ContestKernel => {
  const { H, W, R, S, C, K, T } = sizes;
  return { name, type: "conv", formal: [H, W, C, K, R, S, T, unused], convs: [sizes], lastConv: 0 };
};

/** A residual block as a kernel. */
export const blockKernel = (
  name: string,
  type: "dblock" | "cblock",
  H: number,
  W: number,
  F: number,
): ContestKernel => ({
  name,
  type,
  formal: [H, W, F],
  convs: blockConvs[type](H, W, F),
  lastConv: 2,
});

/** Cost of one convolution. */
export function convPerformance(sizes: ConvSizes, h: number, w: number, c: number, k: number): Performance {
  const { H, W, R, S, C, K, T } = sizes;
  const steps = Math.ceil(H / h) * Math.ceil(W / w) * Math.ceil(C / c) * Math.ceil(K / k);
  return {
    height: h * w * (c + 1),
    width: 3 * k,
    time: (steps * R * S) / (T * T),
    memory: (C / c) * (K / k) * R * S + ((W + S - 1) / w) * ((H + R - 1) / h) * (K / k),
  };
}

/** Cost of a kernel. */
export function performanceOf({ convs }: ContestKernel, { h, w, c, k }: Execution): Performance {
  let [height, width, time, memory] = [0, 0, 0, 0];
  for (const [index, sizes] of convs.entries()) {
    const cost = convPerformance(sizes, h, w, c[index] ?? 1, k[index] ?? 1);
    height = Math.max(height, cost.height);
    width += cost.width;
    time = Math.max(time, cost.time);
    memory = Math.max(memory, cost.memory);
  }
  return { height, width, time, memory };
}
