/**
 * Programs with open dims of one model: each serves all shapes that its conditions admit, in one memory with one set of kernels and weights. A new
 * shape costs an evaluation of sizes and a plan of the memory, which grows where it must; nothing is compiled.
 */
import { nth } from "../ir/access.ts";
import { bindShapes } from "../ir/open/close.ts";
import { type HostValue, isTensor } from "./host/value.ts";
import { type InstanceOptions, ProgramInstance } from "./instance.ts";
import type { OpenModel } from "./model-compiler.ts";
import { firstForm, type OpenForm, OpenForms } from "./open-forms.ts";

/** Open programs that are kept of a model. */
const programsKept = 3;
/** Attempts at models that cannot be compiled so: each costs a lowering. */
const mostAttempts = 4;
type Shapes = readonly (readonly number[])[];

/** What open programs are made of: a model, or a part of one. */
export type OpenSource = Pick<OpenModel, "inputs" | "compileOpen">;

export class OpenPrograms {
  readonly #model: OpenSource;
  readonly #options: InstanceOptions;
  readonly #kept: OpenForms[] = [];
  #reason: string | null = null;
  #failures = 0;
  #made = 0;

  constructor(model: OpenSource, options: InstanceOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** Why the last shapes could not be served by an open program; null where none failed. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Shapes so far for which something had to be made. */
  get made(): number {
    return this.#made;
  }

  get count(): number {
    return this.#kept.length;
  }

  /** An instance for inputs like these, of a program that is there already; null where there is none. */
  find(values: ReadonlyMap<string, HostValue>): OpenForm | null {
    const shapes = this.#shapesOf(values);
    if (shapes === null) return null;
    for (const kept of this.#kept) {
      const binding = bindShapes(kept.program, shapes);
      const form = binding === null ? null : kept.formFor(binding);
      if (form === null) continue;
      if (form.kind === "new") this.#made++;
      return form.form;
    }
    return null;
  }

  /**
   * Compiles an open program that admits inputs like these, and keeps it; null where the model cannot be compiled so. `earlier` is a program of the
   * model for one shape, whose weights are copied where they are the same.
   */
  async make(values: ReadonlyMap<string, HostValue>, earlier: ProgramInstance | null = null): Promise<OpenForm | null> {
    const shapes = this.#shapesOf(values);
    if (shapes === null) return null;
    const { inputs, compileOpen } = this.#model;
    if (compileOpen === null || this.#failures === mostAttempts) return null;
    this.#made++;
    const made = await compileOpen(new Map(inputs.map(({ name }, index) => [name, nth(shapes, index)])));
    if (made.kind === "closed") {
      this.#failures++;
      this.#reason = made.reason;
      return null;
    }
    const { program } = made.compiled;
    const binding = bindShapes(program, shapes);
    if (binding === null) throw new Error("internal: an open program that does not admit its own shapes");
    const first = firstForm(program, binding);
    if (first === null) {
      this.#failures++;
      this.#reason = "a kernel's size would be beyond 32 bits";
      return null;
    }
    const loaded = await ProgramInstance.create({ ...made.compiled, program: first.closed }, this.#options, earlier);
    if (this.#kept.length === programsKept) this.#kept.shift()?.loaded.dispose();
    const forms = new OpenForms(program, loaded, first.capacity);
    this.#kept.push(forms);
    return forms.formFor(binding)?.form ?? null;
  }

  /** Forgets all programs. */
  clear(): void {
    for (const { loaded } of this.#kept.splice(0)) loaded.dispose();
  }

  /** Shapes in the order of the model's inputs; null where one is no tensor. */
  #shapesOf(values: ReadonlyMap<string, HostValue>): Shapes | null {
    const shapes = this.#model.inputs.map(({ name }) => {
      const value = values.get(name);
      return value !== undefined && isTensor(value) ? value.shape : null;
    });
    return shapes.every((shape) => shape !== null) ? shapes : null;
  }
}
