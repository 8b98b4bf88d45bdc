/** Types that a browser has and Node has not: a program that is checked without the DOM's declarations gets what stands in for them. */

/** The instances of a global class, where its declaration is there. */
export type GlobalType<Name extends string, Otherwise = unknown> = typeof globalThis extends {
  readonly [name in Name]: { readonly prototype: infer T };
}
  ? T
  : Otherwise;

/** Pixels as a canvas has them: red, green, blue and alpha of 0 to 255, row by row. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

export type ImageDataType = GlobalType<"ImageData", Pixels>;
export type ImageElementType = GlobalType<"HTMLImageElement", never>;
export type ImageBitmapType = GlobalType<"ImageBitmap", never>;
