/** Dead cores and links at random, as many as a rate says on average: what a placement would be on another wafer of the same kind. */
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import type { Defects } from "./constraint-files.ts";
import type { LinkRequest } from "./constraints.ts";
import { seededRandom } from "../../random.ts";

export interface DefectRate {
  /** share of cores, and of links, that do not work */
  readonly rate: number;
  readonly linkRate: number;
  readonly seed: number;
}

/** `CORES`, `CORES/LINKS`, either with `:SEED`, the shares between 0 and 1; null for other text, such as the name of a file. */
export function parseDefectRate(text: string): DefectRate | null {
  const share = String.raw`(0?\.\d{1,12}|\d(?:\.\d{1,6})?e-\d{1,2}|0)`;
  const match = new RegExp(`^${share}(?:/${share})?(?::(\\d{1,9}))?$`).exec(text);
  if (match === null) return null;
  return { rate: Number(match[1]), linkRate: Number(match[2] ?? "0"), seed: Number(match[3] ?? "1") };
}

/** Cores of the part that kernels use, and links between them, row by row; the same rates and seed give the same ones. */
export function randomDefects(target: Target, { rate, linkRate, seed }: DefectRate): Defects {
  const random = seededRandom(seed);
  const { x, y, width, height } = usableRect(target);
  const deadCores: (readonly [number, number])[] = [];
  for (let row = y; row < y + height; row++)
    for (let column = x; column < x + width; column++) if (random() < rate) deadCores.push([column, row]);
  const deadLinks: LinkRequest[] = [];
  for (let row = y; linkRate > 0 && row < y + height; row++) {
    for (let column = x; column < x + width; column++) {
      for (const side of ["east", "south"] as const) {
        const isInside = side === "east" ? column + 1 < x + width : row + 1 < y + height;
        if (random() < linkRate && isInside) deadLinks.push([column, row, side]);
      }
    }
  }
  return { deadCores, deadLinks };
}
