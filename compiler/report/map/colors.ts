/** Colors of drawings, in a light and a dark scheme. Fills are light enough, or dark enough, for a label in one of two inks. */
import { nth } from "../../../ir/access.ts";
import type { KernelFamily } from "../../../ir/kernel-graph.ts";

/** What is drawn on and with. */
export interface Theme {
  readonly page: string;
  readonly die: string;
  readonly rim: string;
  readonly ink: string;
  readonly soft: string;
  readonly edge: string;
  readonly chosen: string;
  readonly into: string;
  readonly outOf: string;
  readonly mark: string;
  readonly dead: string;
}

export const lightTheme: Theme = {
  page: "#ffffff",
  die: "#eceae4",
  rim: "#d3cfc5",
  ink: "#16181d",
  soft: "#565b66",
  edge: "#00000055",
  chosen: "#000000",
  into: "#1d4ed8",
  outOf: "#be123c",
  mark: "#b45309",
  dead: "#7f1d1d",
};

export const darkTheme: Theme = {
  page: "#16191f",
  die: "#1f242c",
  rim: "#2d333d",
  ink: "#eceef2",
  soft: "#a3a9b5",
  edge: "#00000088",
  chosen: "#ffffff",
  into: "#93c5fd",
  outOf: "#fda4af",
  mark: "#fbbf24",
  dead: "#fca5a5",
};

/** Hues apart from each other, for common color blindness by lightness too. */
export const familyColors: Readonly<Record<KernelFamily, string>> = {
  conv: "#4f86d9",
  depthwiseConv: "#6fc3e0",
  matmul: "#9b7be0",
  pool: "#4fbf95",
  elementwise: "#e6c84a",
  normalization: "#e79a4b",
  softmax: "#e0605e",
  reduction: "#d37bb6",
  dataMovement: "#a9b3c4",
  generic: "#a29f95",
};

/** What memory is taken by; categories of all modes and of plans. */
const heldColors: Readonly<Record<string, string>> = {
  code: "#8d99ae",
  weights: "#4f86d9",
  activations: "#4fbf95",
  state: "#4fbf95",
  cache: "#4fbf95",
  buffers: "#e6c84a",
  working: "#e6c84a",
  values: "#e6c84a",
  stack: "#a08d7d",
  system: "#a08d7d",
};

/** The color of a category of memory; gray for one that is not known. */
export const heldColor = (category: string): string => heldColors[category] ?? "#9ca3af";

type Rgb = readonly [number, number, number];

const rgbOf = (hex: string): Rgb => [
  parseInt(hex.slice(1, 3), 16),
  parseInt(hex.slice(3, 5), 16),
  parseInt(hex.slice(5, 7), 16),
];

/** Viridis and a yellow-to-brown ramp of ColorBrewer: both grow evenly darker or lighter, and hold for color blindness. */
const ramps = {
  amount: ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"],
  load: ["#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#8c2d04"],
} as const;

export type Ramp = keyof typeof ramps;

/** A ramp's color for a share from 0 to 1, as red, green, blue from 0 to 255. */
export function rampRgb(ramp: Ramp, share: number): Rgb {
  const stops = ramps[ramp];
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(at));
  const [from, to] = [rgbOf(nth(stops, index)), rgbOf(nth(stops, index + 1))];
  const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * (at - index));
  return [mix(0), mix(1), mix(2)];
}

const hexOf = (rgb: Rgb): string => `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

export const rampColor = (ramp: Ramp, share: number): string => hexOf(rampRgb(ramp, share));

/** A ramp as CSS, from left to right. */
export const rampCss = (ramp: Ramp): string => `linear-gradient(90deg, ${ramps[ramp].join(", ")})`;

/** Relative luminance as WCAG defines it. */
function luminance(hex: string): number {
  const [red, green, blue] = rgbOf(hex).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever has more contrast on a fill. */
export const inkOn = (fill: string): string => (luminance(fill) > 0.179 ? "#000000" : "#ffffff");
