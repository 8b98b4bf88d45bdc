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

/** What a bundle pays for links. */
export interface LinkPrices {
  /** words that it brings to each link */
  readonly words: number;
  /** words that a link should carry at most */
  readonly limit: number;
  /** of any link; so small that no way is taken over a full link for being shorter */
  readonly perLink: number;
  /** by link (router * 4 + direction): times more that words above the limit cost where links were overloaded before */
  readonly history: Float32Array;
  /** routers that have all of these colors taken let nothing pass */
  readonly blocking: number;
}

/** Bands of rows (legs along x) or of columns (along y), and the places along them. */
export interface Bands {
  readonly axis: "x" | "y";
  /** first row or column of each band, and how many it has */
  readonly bases: readonly number[];
  readonly lanes: number;
  /** places from `low` on */
  readonly low: number;
  readonly size: number;
}

/** Prefix sums over the places of a band: of what its links cost, all lanes together, towards larger places and towards smaller ones. */
export interface BandCosts {
  readonly low: number;
  readonly forward: Float64Array;
  readonly backward: Float64Array;
}

/** What a router that lets nothing pass costs; beyond any sum of overloaded links. */
const barred = 1e6;

/** Arrays of books: colors by router, words by link. */
interface Pages {
  readonly taken: Uint32Array;
  readonly load: Float64Array;
}

/** Pages that were given back, empty. A wafer's are 27 MB, and new ones cost more than the routes of a small model that are written into them. */
let spare: Pages | null = null;

function pagesFor(routers: number): Pages {
  const known = spare;
  if (known?.taken.length !== routers) return { taken: new Uint32Array(routers), load: new Float64Array(routers * 4) };
  spare = null;
  return known;
}

export class Fabric {
  readonly width: number;
  #taken: Uint32Array;
  #load: Float64Array;
  /** rows that something was written into */
  #firstRow = Infinity;
  #lastRow = -1;
  /** the greatest load; null after words were taken off the link that had it */
  #fullest: number | null = 0;

  /** Dead routers have no color free. */
  constructor(width: number, height: number, dead: readonly Core[] = []) {
    this.width = width;
    ({ taken: this.#taken, load: this.#load } = pagesFor(width * height));
    for (const { x, y } of dead) {
      this.#taken[y * width + x] = allColors;
      this.#writeTo(y);
    }
  }

  /** Gives the pages back for the next books; these are empty then, and closed. */
  close(): void {
    const [from, to] = [this.#firstRow * this.width, (this.#lastRow + 1) * this.width];
    if (from < to) {
      this.#taken.fill(0, from, to);
      this.#load.fill(0, 4 * from, 4 * to);
    }
    spare = { taken: this.#taken, load: this.#load };
    this.#taken = new Uint32Array(0);
    this.#load = new Float64Array(0);
  }

  #writeTo(row: number): void {
    if (row < this.#firstRow) this.#firstRow = row;
    if (row > this.#lastRow) this.#lastRow = row;
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

  /** Words per sample on the fullest link of a course. */
  peak(course: Course): number {
    let most = 0;
    walk(course, (x, y, direction) => {
      if (direction >= 0) most = Math.max(most, this.#load[(y * this.width + x) * 4 + direction] as number);
    });
    return most;
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

  /**
   * What links of each band cost a bundle: what it would overload them by, as shares of the limit, and the price of any link. Prices are summed up
   * line by line, so that a band costs the sums behind its last line less those before its first.
   */
  bandCosts({ axis, bases, lanes, low, size }: Bands, prices: LinkPrices): readonly BandCosts[] {
    const wanted = new Set(bases.flatMap((base) => [base, base + lanes]));
    const lines = [...wanted].sort((a, b) => a - b);
    const onward = new Float64Array(size);
    const homeward = new Float64Array(size);
    const sums = new Map<number, { readonly onward: Float64Array; readonly homeward: Float64Array }>();
    for (let line = lines[0] ?? 0; line <= (lines.at(-1) ?? -1); line++) {
      if (wanted.has(line)) sums.set(line, { onward: onward.slice(), homeward: homeward.slice() });
      if (line < (lines.at(-1) ?? 0)) this.#addLine(axis, line, low, prices, onward, homeward);
    }
    return bases.map((base) => {
      const [before, behind] = [sums.get(base), sums.get(base + lanes)];
      if (before === undefined || behind === undefined) throw new Error("internal: a band was not summed up");
      const forward = new Float64Array(size);
      const backward = new Float64Array(size);
      const links = lanes * prices.perLink;
      for (let place = 0; place + 1 < size; place++) {
        const out = (behind.onward[place] as number) - (before.onward[place] as number);
        const home = (behind.homeward[place] as number) - (before.homeward[place] as number);
        forward[place + 1] = (forward[place] as number) + out + links;
        backward[place + 1] = (backward[place] as number) + home + links;
      }
      return { low, forward, backward };
    });
  }

  /** Adds what the links of one row or column cost, place by place: the one that leads on, and the one that leads back from the next place. */
  #addLine(
    axis: "x" | "y",
    line: number,
    low: number,
    { words, limit, history, blocking }: LinkPrices,
    onward: Float64Array,
    homeward: Float64Array,
  ): void {
    const load = this.#load;
    const taken = this.#taken;
    const [stride, across, ahead, back] = axis === "x" ? [1, this.width, 0, 1] : [this.width, 1, 2, 3];
    const room = limit - words + 1e-6 * limit;
    let router = low * stride + line * across;
    for (let place = 0; place + 1 < onward.length; place++) {
      const out = router * 4 + ahead;
      const home = (router + stride) * 4 + back;
      const leaving = load[out] as number;
      const returning = load[home] as number;
      if (leaving > room)
        onward[place] = (onward[place] as number) + ((leaving - room) / limit) * (1 + (history[out] as number));
      if (returning > room)
        homeward[place] = (homeward[place] as number) + ((returning - room) / limit) * (1 + (history[home] as number));
      if (((taken[router] as number) & blocking) >>> 0 === blocking) {
        onward[place] = (onward[place] as number) + barred;
        homeward[place] = (homeward[place] as number) + barred;
      }
      router += stride;
    }
  }

  /** Raises the prices of links that carry more than a limit, by the share that is too much. */
  remember(history: Float32Array, limit: number): void {
    const tolerance = 1e-6 * limit;
    for (let link = 0; link < history.length; link++) {
      const excess = (this.#load[link] as number) - limit;
      if (excess > tolerance) history[link] = (history[link] as number) + excess / limit;
    }
  }

  /** Links of the fabric, four to a router. */
  get links(): number {
    return this.#load.length;
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
    this.#writeTo(y);
    this.#taken[router] = ((this.#taken[router] ?? 0) | (1 << color)) >>> 0;
    if (direction < 0) return;
    const load = (this.#load[router * 4 + direction] ?? 0) + words;
    this.#load[router * 4 + direction] = load;
    if (this.#fullest !== null && load > this.#fullest) this.#fullest = load;
  }
}
