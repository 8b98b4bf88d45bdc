/** Options of the conversions between images and tensors: onnxruntime's types, and what they mean. */
import { fail } from "../../ir/diagnostic.ts";

export type ImageFormat = "RGB" | "RGBA" | "BGR" | "RBG";
export type ImageTensorLayout = "NHWC" | "NCHW";

type ThreeOrFour = [number, number, number] | [number, number, number, number];

export interface OptionsFormat {
  /** channels of the tensor that becomes an image, in their order; default RGB */
  format?: ImageFormat;
}

export interface OptionsTensorFormat {
  /** channels of the tensor that an image becomes, in their order; default RGB */
  tensorFormat?: ImageFormat;
}

export interface OptionsTensorDataType {
  /** default float32 */
  dataType?: "float32" | "uint8";
}

export interface OptionsTensorLayout {
  /** channels one after the other (NCHW, the default) or pixel by pixel */
  tensorLayout?: ImageTensorLayout;
}

export interface OptionsDimensions {
  /** in pixels */
  height?: number;
  /** in pixels */
  width?: number;
}

export interface OptionResizedDimensions {
  /** height of the tensor in pixels; default the image's */
  resizedHeight?: number;
  /** width of the tensor in pixels; default the image's */
  resizedWidth?: number;
}

export interface OptionsNormalizationParameters {
  /**
   * What lies between channels of 0 to 255 and a tensor's elements: `element = (channel + bias) / mean`, and back `channel = (element - bias) * mean`.
   * One number for all channels, or one each for red, green, blue and alpha.
   */
  norm?: {
    /** default 0 */
    bias?: number | ThreeOrFour;
    /** default 255; for a tensor of uint8 made from an image 1 */
    mean?: number | ThreeOrFour;
  };
}

type FromImage = OptionResizedDimensions &
  OptionsTensorFormat &
  OptionsTensorLayout &
  OptionsTensorDataType &
  OptionsNormalizationParameters;

export type TensorFromImageDataOptions = FromImage;
export type TensorFromImageElementOptions = FromImage;
export type TensorFromImageBitmapOptions = FromImage;
export type TensorFromUrlOptions = FromImage & OptionsDimensions;

type ToImage = OptionsTensorLayout & OptionsFormat & OptionsNormalizationParameters;

export type TensorToDataUrlOptions = ToImage;
export type TensorToImageDataOptions = ToImage;

/** Positions of a format's channels in a pixel of red, green, blue, alpha. Throws for what is no format. */
export function channelsOf(format: unknown): readonly number[] {
  if (typeof format === "string" && /^(?:RGBA?|BGR|RBG)$/.test(format))
    return Array.from(format, (name) => "RGBA".indexOf(name));
  throw fail("WSC7002", `there is no image format ${JSON.stringify(format)}`, { hint: "RGB, RGBA, BGR or RBG" });
}

/** True for NHWC. Throws for what is no layout. */
export function isPixelByPixel(layout: unknown): boolean {
  if (layout === "NHWC" || layout === "NCHW") return layout === "NHWC";
  throw fail("WSC7002", `there is no tensor layout ${JSON.stringify(layout)}`, { hint: "NCHW or NHWC" });
}

/** Bias and mean of red, green, blue and alpha. */
export interface Normalization {
  readonly bias: readonly number[];
  readonly mean: readonly number[];
}

/** The normalization that options ask for; `mean` is the default. */
export const normalizationOf = (norm: OptionsNormalizationParameters["norm"], mean: number): Normalization => ({
  bias: perChannel(norm?.bias, 0, "bias"),
  mean: perChannel(norm?.mean, mean, "mean"),
});

function perChannel(given: unknown, otherwise: number, name: string): readonly number[] {
  const values: unknown = given ?? otherwise;
  const four = Array.isArray(values) ? values : [values, values, values, values];
  if (four.length < 3 || four.length > 4 || !four.every((value) => typeof value === "number"))
    throw fail("WSC7002", `norm.${name} must be a number, or an array of 3 or 4 numbers`);
  return four.length === 3 ? [...four, otherwise] : four;
}
