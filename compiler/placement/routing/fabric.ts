/** The books of the router: which colors are taken on which router, and how many words each link carries. */
import type { Core } from "../../../ir/placement.ts";
import { type Course, legsOf, walk } from "./route-geometry.ts";

/** One bit for each color that the books can hold. */
const allColors = 0xffff_ffff;

/** A router, and the direction in which words leave it (-1: into its core). */
export type RouterUse = readonly [x: number, y: number, direction: number];

/** What a course would meet. */
export interface Survey {
  /** one bit per color taken on any of its routers */
  readonly taken: number;
  /** words above a limit, summed over its links */
  readonly overload: number;
}

export class Fabric {
  readonly width: number;
  readonly #taken: Uint32Array;
  readonly #load: Float64Array;
  /** the greatest load; null after words were taken off the link that had it */
  #fullest: number | null = 0;

  /** Dead routers have no color free. */
  constructor(width: number, height: number, dead: readonly Core[] = []) {
    this.width = width;
    this.#taken = new Uint32Array(width * height);
    this.#load = new Float64Array(width * height * 4);
    for (const { x, y } of dead) this.#taken[y * width + x] = allColors;
  }

  /** Looks a course over; gives up, and says what it has seen, once the overload passes `enough`. */
  survey(course: Course, limit: number, enough: number = Infinity): Survey {
    const strides = [1, -1, this.width, -this.width];
    // loads are sums of fractions; a hair above the limit is none
    const tolerance = 1e-6 * Math.abs(limit);
    let taken = 0;
    let overload = 0;
    for (let lane = 0; lane < course.lanes && overload <= enough; lane++) {
      let router = 0;
      for (const { x, y, direction, steps } of legsOf(course, lane)) {
        router = y * this.width + x;
        const stride = strides[direction] as number;
        for (let step = 0; step < steps; step++) {
          taken |= this.#taken[router] as number;
          const excess = (this.#load[router * 4 + direction] as number) - limit;
          if (excess > tolerance) overload += excess;
          router += stride;
        }
      }
      taken |= this.#taken[router] as number;
    }
    return { taken, overload };
  }

  /** Books a bundle: its color on every router, `words` per lane on every link. */
  claim(course: Course, color: number, words: number): void {
    walk(course, (x, y, direction) => {
      this.#claim(x, y, direction, color, words);
    });
  }

  release(course: Course, color: number, words: number): void {
    walk(course, (x, y, direction) => {
      const router = y * this.width + x;
      this.#taken[router] = ((this.#taken[router] ?? 0) & ~(1 << color)) >>> 0;
      if (direction < 0) return;
      const load = this.#load[router * 4 + direction] ?? 0;
      if (load === this.#fullest) this.#fullest = null;
      this.#load[router * 4 + direction] = load - words;
    });
  }

  isTaken(tree: readonly RouterUse[], color: number): boolean {
    return tree.some(([x, y]) => (((this.#taken[y * this.width + x] ?? 0) >>> color) & 1) === 1);
  }

  isTakenAt(router: number, color: number): boolean {
    return (((this.#taken[router] as number) >>> color) & 1) === 1;
  }

  claimTree(tree: readonly RouterUse[], color: number, words: number): void {
    for (const [x, y, direction] of tree) this.#claim(x, y, direction, color, words);
  }

  /** Words per sample on the fullest link. */
  fullest(): number {
    if (this.#fullest !== null) return this.#fullest;
    let most = 0;
    for (const words of this.#load) if (words > most) most = words;
    this.#fullest = most;
    return most;
  }

  #claim(x: number, y: number, direction: number, color: number, words: number): void {
    const router = y * this.width + x;
    this.#taken[router] = ((this.#taken[router] ?? 0) | (1 << color)) >>> 0;
    if (direction < 0) return;
    const load = (this.#load[router * 4 + direction] ?? 0) + words;
    this.#load[router * 4 + direction] = load;
    if (this.#fullest !== null && load > this.#fullest) this.#fullest = load;
  }
}
