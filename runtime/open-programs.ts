/**
 * Programs with open dims of one model: each serves all shapes that its conditions admit, in one memory with one set of kernels and weights. A new
 * shape costs an evaluation of sizes and a plan of the memory, which grows where it must; nothing is compiled.
 */
import { nth } from "../ir/access.ts";
import { NotOpen } from "../ir/assumptions.ts";
import type { DimBinding } from "../ir/dim.ts";
import { bindShapes, closeProgram, leastCapacity } from "../ir/open/close.ts";
import type { OpenProgram } from "../ir/open/program.ts";
import type { Program } from "../ir/program.ts";
import { type HostValue, isTensor } from "./host/value.ts";
import { type InstanceOptions, ProgramInstance, type Residents } from "./instance.ts";
import type { OpenModel } from "./model-compiler.ts";
import { ResidentCaches } from "./resident-caches.ts";

/** Open programs that are kept of a model. */
const programsKept = 3;
/** Attempts at models that cannot be compiled so: each costs a lowering. */
const mostAttempts = 4;
/** Closed forms that are kept of a program; each is a list of steps. */
const formsKept = 16;

interface KeptOpen {
  readonly program: OpenProgram;
  /** the form that it was loaded with */
  readonly loaded: ProgramInstance;
  readonly caches: ResidentCaches;
  /** positions that caches have room for */
  capacity: number;
  /** of that room, by the sizes of the symbols; the least recently used goes first */
  readonly forms: Map<string, OpenForm>;
}

/** A closed form, ready to run. */
export interface OpenForm {
  readonly instance: ProgramInstance;
  readonly residents: Residents;
}

/** Room for further positions is had so many at a time, a part of what there are: so that caches move seldom, and are not much larger than need be. */
const capacityStep = 64;
const capacitySpare = 0.25;

type Shapes = readonly (readonly number[])[];

/** What open programs are made of: a model, or a part of one. */
export type OpenSource = Pick<OpenModel, "inputs" | "compileOpen">;

export class OpenPrograms {
  readonly #model: OpenSource;
  readonly #options: InstanceOptions;
  readonly #kept: KeptOpen[] = [];
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
      const form = binding === null ? null : formFor(kept, binding);
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
    const capacity = roomFor(program, binding, 0);
    const sizes = withCapacity(program, binding, capacity);
    const closed = closedFor(program, sizes);
    if (closed === null) {
      this.#failures++;
      this.#reason = "a kernel's size would be beyond 32 bits";
      return null;
    }
    const loaded = await ProgramInstance.create({ ...made.compiled, program: closed }, this.#options, earlier);
    if (this.#kept.length === programsKept) this.#kept.shift()?.loaded.dispose();
    const caches = new ResidentCaches(program, loaded.memory);
    const form: OpenForm = { instance: loaded, residents: residentsOf(caches, closed, sizes) };
    this.#kept.push({ program, loaded, caches, capacity, forms: new Map([[keyOf(sizes), form]]) });
    return form;
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

const keyOf = (binding: DimBinding): string => [...binding.values()].join();

/** The closed form, or null for sizes that kernels cannot take. */
function closedFor(program: OpenProgram, binding: DimBinding): Program | null {
  try {
    return closeProgram(program, binding);
  } catch (error) {
    if (error instanceof NotOpen) return null;
    throw error;
  }
}

const residentsOf = (caches: ResidentCaches, closed: Program, binding: DimBinding): Residents => ({
  begin: (inputs) => caches.begin(closed, binding, inputs),
  resultOf: (output) => caches.resultOf(closed, binding, output),
});

/** Positions to have room for, where there is room for `now`. */
function roomFor(program: OpenProgram, binding: DimBinding, now: number): number {
  const least = leastCapacity(program, binding);
  return least <= now ? now : Math.ceil((least * (1 + capacitySpare)) / capacityStep) * capacityStep;
}

const withCapacity = ({ capacity }: OpenProgram, binding: DimBinding, room: number): DimBinding =>
  capacity === null ? binding : new Map([...binding, [capacity, room]]);

function newForm({ program, loaded, caches }: KeptOpen, binding: DimBinding): OpenForm | null {
  const closed = closedFor(program, binding);
  return closed === null
    ? null
    : { instance: loaded.reshaped(closed), residents: residentsOf(caches, closed, binding) };
}

interface FoundForm {
  readonly kind: "kept" | "new";
  readonly form: OpenForm;
}

function formFor(kept: KeptOpen, shape: DimBinding): FoundForm | null {
  const { program, forms } = kept;
  const capacity = roomFor(program, shape, kept.capacity);
  if (capacity > kept.capacity) forms.clear();
  kept.capacity = capacity;
  const binding = withCapacity(program, shape, capacity);
  const key = keyOf(binding);
  const known = forms.get(key);
  const form = known ?? newForm(kept, binding);
  if (form === null) return null;
  forms.delete(key);
  forms.set(key, form);
  for (const oldest of [...forms.keys()].slice(0, -formsKept)) forms.delete(oldest);
  return { kind: known === undefined ? "new" : "kept", form };
}
