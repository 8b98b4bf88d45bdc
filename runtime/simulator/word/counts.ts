/** What is counted while a program runs: for every core how long it computes, moves words and waits, and words for every link and ramp. */
import { nth } from "../../../ir/access.ts";
import { ports } from "../../../ir/fabric/program.ts";
import type { Cores } from "./cores.ts";
import type { Routers } from "./routers.ts";
import type { CoreActivity, LinkActivity } from "./simulation.ts";

const never = -1;

export class Counts {
  readonly #cores: Cores;
  readonly #routers: Routers;
  readonly #linkWords: Float64Array;
  readonly #busy: Float64Array;
  readonly #busyUntil: Float64Array;
  readonly #moving: Float64Array;
  readonly #lastMoved: Float64Array;
  readonly #first: Float64Array;
  readonly #last: Float64Array;
  readonly #lastActive: Float64Array;
  /** words over links between routers */
  words = 0;
  /** cycles in which a core or its router did something, over all cores */
  activeCoreCycles = 0;

  constructor(cores: Cores, routers: Routers) {
    this.#cores = cores;
    this.#routers = routers;
    this.#linkWords = new Float64Array(routers.linkCount);
    this.#busy = new Float64Array(cores.count);
    this.#busyUntil = new Float64Array(cores.count);
    this.#moving = new Float64Array(cores.count);
    this.#lastMoved = new Float64Array(cores.count).fill(never);
    this.#first = new Float64Array(cores.count).fill(never);
    this.#last = new Float64Array(cores.count).fill(never);
    this.#lastActive = new Float64Array(cores.count).fill(never);
  }

  /** A word goes over a link, or over a ramp. */
  link(link: number): void {
    this.#linkWords[link] = (this.#linkWords[link] as number) + 1;
  }

  /** A core or its router does something in a cycle. */
  act(core: number, now: number): void {
    if (this.#lastActive[core] === now) return;
    this.#lastActive[core] = now;
    this.activeCoreCycles++;
  }

  compute(core: number, now: number, cycles: number): void {
    if (this.#lastMoved[core] === now) this.#moving[core] = (this.#moving[core] as number) - 1;
    this.#busy[core] = (this.#busy[core] as number) + cycles;
    this.#busyUntil[core] = now + cycles;
    this.activeCoreCycles += cycles;
    this.#span(core, now, now + cycles);
  }

  /** A word passes an instruction of the core; cycles in which it also computes count as computing. */
  move(core: number, now: number): void {
    if (this.#lastMoved[core] === now) return;
    this.#lastMoved[core] = now;
    if ((this.#busyUntil[core] as number) <= now) this.#moving[core] = (this.#moving[core] as number) + 1;
    this.#span(core, now, now + 1);
  }

  #span(core: number, first: number, last: number): void {
    if (this.#first[core] === never) this.#first[core] = first;
    if ((this.#last[core] as number) < last) this.#last[core] = last;
  }

  cores(): CoreActivity[] {
    const { x, y, count, roles, roleOf } = this.#cores;
    return Array.from({ length: count }, (_, core) => {
      const [first, last] = [nth(this.#first, core), nth(this.#last, core)];
      const [busy, moving] = [nth(this.#busy, core), nth(this.#moving, core)];
      const { layer } = nth(roles, nth(roleOf, core)).role;
      const waiting = last - first - busy - moving;
      return { x: nth(x, core), y: nth(y, core), layer, busy, moving, waiting, first, last };
    });
  }

  links(): LinkActivity[] {
    const { count, x, y, link } = this.#routers;
    const found = new Map<number, LinkActivity>();
    for (let channel = 0; channel < count; channel++) {
      for (const [port, to] of ports.entries()) {
        const number = nth(link, channel * ports.length + port);
        const words = nth(this.#linkWords, number);
        if (words > 0) found.set(number, { x: nth(x, channel), y: nth(y, channel), to, words });
      }
    }
    return [...found.values()];
  }
}
