/** Links whose words are written down as they pass, for those who go on from there. */
import { nth } from "../../../ir/access.ts";
import type { Port } from "../../../ir/fabric/program.ts";
import type { Flow } from "./flow.ts";
import type { Values } from "./values.ts";
import { placeOn, type Windows } from "./windows.ts";

/** A link that words of a color go over, from the router at (x, y). */
export interface Tap {
  readonly x: number;
  readonly y: number;
  readonly color: number;
  readonly to: Port;
}

/** A tap as its net has it: which of the net's words pass there. */
export interface TappedWords {
  readonly tap: number;
  readonly net: number;
  readonly windows: Windows;
}

export class Taps {
  readonly #byNet = new Map<number, { readonly words: TappedWords; readonly values: number[] }[]>();
  readonly #samples: number;
  readonly #values: (readonly number[])[];

  constructor(count: number, found: readonly TappedWords[], samples: number) {
    this.#samples = samples;
    this.#values = Array.from({ length: count }, () => []);
    for (const words of found) {
      const values: number[] = [];
      this.#values[words.tap] = values;
      const known = this.#byNet.get(words.net);
      if (known === undefined) this.#byNet.set(words.net, [{ words, values }]);
      else known.push({ words, values });
    }
  }

  /** Words of a net have passed its root. */
  passed(net: number, flow: Flow, values: Values): void {
    for (const {
      words: { windows },
      values: seen,
    } of this.#byNet.get(net) ?? []) {
      while (seen.length < windows.words * this.#samples) {
        const place = placeOn(windows, seen.length);
        if (!flow.hasPassed(net, place)) break;
        seen.push(values.passed(net, place));
      }
    }
  }

  /** Words of a tap in a sample, in their order. */
  words(tap: number, sample: number): Float32Array {
    const all = nth(this.#values, tap);
    const each = all.length / this.#samples;
    return Float32Array.from(all.slice(sample * each, (sample + 1) * each));
  }
}
