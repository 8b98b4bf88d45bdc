/** Dead cores at random, as many as a rate says on average: what a placement would be on another wafer of the same kind. */
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { seededRandom } from "../../random.ts";

export interface DefectRate {
  /** share of cores that do not work */
  readonly rate: number;
  readonly seed: number;
}

/** Cores of the part that kernels use, row by row; the same rate and seed give the same cores. */
export function randomDefects(
  target: Target,
  { rate, seed }: DefectRate,
): readonly (readonly [x: number, y: number])[] {
  const random = seededRandom(seed);
  const { x, y, width, height } = usableRect(target);
  const dead: (readonly [number, number])[] = [];
  for (let row = y; row < y + height; row++)
    for (let column = x; column < x + width; column++) if (random() < rate) dead.push([column, row]);
  return dead;
}
