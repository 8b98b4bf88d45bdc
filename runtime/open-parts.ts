/**
 * Deferred parts whose inputs have other shapes from time to time (the body of a Loop that grows a value): the second shape gets a program in which what has
 * changed so far is open, which serves the shapes that follow. A part declares nothing about its inputs, so dims are told apart by what they have been.
 */
import { nth } from "../ir/access.ts";
import type { TensorData } from "../ir/tensor.ts";
import { type HostValue, isTensor } from "./host/value.ts";
import type { InstanceOptions, ProgramInstance } from "./instance.ts";
import { loadCompiler, type OpenCompilation } from "./model-compiler.ts";
import type { OpenForm } from "./open-forms.ts";
import { OpenPrograms } from "./open-programs.ts";

type Shape = readonly number[];

export class OpenPart {
  readonly #names: readonly string[];
  readonly #programs: OpenPrograms;
  /** shapes of the inputs that programs were made for, in the order of the names */
  readonly #seen: (readonly Shape[])[] = [];

  constructor(names: readonly string[], payload: () => TensorData, options: InstanceOptions) {
    this.#names = names;
    const type = { kind: "dynamic", dtype: "f32", dims: null } as const;
    const compileOpen = (shapes: ReadonlyMap<string, Shape>): Promise<OpenCompilation> =>
      this.#compile(shapes, payload());
    this.#programs = new OpenPrograms({ inputs: names.map((name) => ({ name, type })), compileOpen }, options);
  }

  /** A form for inputs like these of a program that is there; null where there is none. */
  find(values: ReadonlyMap<string, HostValue>): OpenForm | null {
    return this.#programs.find(values);
  }

  /** A program for inputs like these and others; null where there can be none, or where nothing has changed yet. */
  async make(values: ReadonlyMap<string, HostValue>, earlier: ProgramInstance | null): Promise<OpenForm | null> {
    return this.note(values) && this.#seen.length > 1 ? this.#programs.make(values, earlier) : null;
  }

  /** Remembers the shapes of what a program is made for; false where not all are tensors. */
  note(values: ReadonlyMap<string, HostValue>): boolean {
    const shapes = this.#names.map((name) => {
      const value = values.get(name);
      return value !== undefined && isTensor(value) ? value.shape : null;
    });
    if (!shapes.every((shape) => shape !== null)) return false;
    this.#seen.push(shapes);
    return true;
  }

  /** Shapes so far for which something had to be made. */
  get made(): number {
    return this.#programs.made;
  }

  clear(): void {
    this.#programs.clear();
  }

  async #compile(shapes: ReadonlyMap<string, Shape>, payload: TensorData): Promise<OpenCompilation> {
    const { compileOpenFragment } = await loadCompiler();
    const dims = openDims(this.#seen);
    if (compileOpenFragment === null) return { kind: "closed", reason: "this compiler has no open programs" };
    if (dims === null) return { kind: "closed", reason: "the rank of an input changes" };
    return compileOpenFragment(payload, new Map(this.#names.map((name, i) => [name, nth(dims, i)])), shapes);
  }
}

/** Dims of each input: numbers where they have always been the same, and one name for those that have always been equal. Null where a rank has changed. */
export function openDims(seen: readonly (readonly Shape[])[]): readonly (readonly (number | string)[])[] | null {
  const latest = seen.at(-1);
  if (latest === undefined) return null;
  const names = new Map<string, string>();
  const dims: (number | string)[][] = [];
  for (const [input, shape] of latest.entries()) {
    if (seen.some((shapes) => nth(shapes, input).length !== shape.length)) return null;
    dims.push(
      shape.map((size, axis) => {
        const sizes = seen.map((shapes) => nth(nth(shapes, input), axis));
        if (sizes.every((other) => other === size)) return size;
        const key = sizes.join();
        const name = names.get(key) ?? `changing${names.size}`;
        names.set(key, name);
        return name;
      }),
    );
  }
  return dims;
}
