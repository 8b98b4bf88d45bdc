/**
 * A drawing as data: the page paints it on a canvas at any zoom, the command line and the page's export print it as SVG. Coordinates are the drawing's own
 * units (cores on a map), line widths with `px` are pixels at any zoom. Later shapes lie over earlier ones.
 */

/** A label for a box: all of it where there is room, else the number. */
export interface BoxLabel {
  readonly text: string;
  readonly number: string;
}

export type Shape =
  | {
      readonly kind: "box";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly fill: string | null;
      readonly stroke: string | null;
      readonly strokePx: number;
      /** not opaque */
      readonly faint?: boolean;
      readonly label: BoxLabel | null;
      /** for people who point at it; null for none */
      readonly title: string | null;
    }
  | {
      readonly kind: "path";
      /** x and y in turn */
      readonly points: readonly number[];
      readonly stroke: string;
      readonly width: number;
      /** drawn at least so wide */
      readonly leastPx: number;
      readonly opacity: number;
      /** at its end, and in its middle */
      readonly arrow: boolean;
      readonly title: string | null;
    }
  /** a ring around a place, with words beside it */
  | {
      readonly kind: "ring";
      readonly x: number;
      readonly y: number;
      readonly stroke: string;
      readonly text: string;
      readonly ink: string;
      readonly back: string;
    };

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly back: string;
  readonly shapes: readonly Shape[];
}

/** Width of a character in units of the font size, a little more than usual fonts need. */
const characterWidth = 0.58;
export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
/** Font sizes in pixels. */
const [smallestFont, largestFont] = [8, 15];
/** Radius of a ring in pixels. */
export const ringRadius = 7;

/** A label as it fits: its text, its size in pixels, and whether it runs upwards. */
export interface FittedLabel {
  readonly text: string;
  readonly size: number;
  readonly upward: boolean;
}

/** Fits a label into a box of so many pixels; null where not even the number can be read. */
export function fitLabel({ text, number }: BoxLabel, width: number, height: number): FittedLabel | null {
  const upward = height > width * 1.5;
  const [along, across] = upward ? [height, width] : [width, height];
  const sizeOf = (one: string): number =>
    Math.min(largestFont, across * 0.7, (along - 4) / (one.length * characterWidth));
  for (const one of [text, number]) {
    const size = sizeOf(one);
    if (size >= smallestFont) return { text: one, size, upward };
  }
  return null;
}
