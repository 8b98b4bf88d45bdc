/** The closed forms of one open program, in one memory with one set of kernels and weights: a further shape costs an evaluation of sizes and a plan of the memory. */
import { NotOpen } from "../ir/assumptions.ts";
import type { DimBinding } from "../ir/dim.ts";
import { closeProgram, leastCapacity } from "../ir/open/close.ts";
import type { OpenProgram } from "../ir/open/program.ts";
import type { Program } from "../ir/program.ts";
import type { ProgramInstance, Residents } from "./instance.ts";
import { ResidentCaches } from "./resident-caches.ts";

/** Closed forms that are kept of a program; each is a list of steps. */
const formsKept = 16;

/** Room for further positions is had so many at a time, a part of what there are: so that caches move seldom, and are not much larger than need be. */
const capacityStep = 64;
const capacitySpare = 0.25;

/** A closed form, ready to run. */
export interface OpenForm {
  readonly instance: ProgramInstance;
  readonly residents: Residents;
}

/** A form, and whether it was there already. */
export interface FoundForm {
  readonly kind: "kept" | "new";
  readonly form: OpenForm;
}

export class OpenForms {
  readonly program: OpenProgram;
  /** what has its kernels, weights and memory */
  readonly loaded: ProgramInstance;
  readonly #caches: ResidentCaches;
  /** positions that caches have room for */
  #capacity: number;
  /** of that room, by the sizes of the symbols; the least recently used goes first */
  readonly #forms = new Map<string, OpenForm>();

  constructor(program: OpenProgram, loaded: ProgramInstance, capacity = 0) {
    this.program = program;
    this.loaded = loaded;
    this.#caches = new ResidentCaches(program, loaded.memory);
    this.#capacity = capacity;
  }

  /** The form for these sizes of the symbols; null for sizes that kernels cannot take. */
  formFor(shape: DimBinding): FoundForm | null {
    const capacity = roomFor(this.program, shape, this.#capacity);
    if (capacity > this.#capacity) this.#forms.clear();
    this.#capacity = capacity;
    const binding = withCapacity(this.program, shape, capacity);
    const key = keyOf(binding);
    const known = this.#forms.get(key);
    const form = known ?? this.#newForm(binding);
    if (form === null) return null;
    this.#forms.delete(key);
    this.#forms.set(key, form);
    for (const oldest of [...this.#forms.keys()].slice(0, -formsKept)) this.#forms.delete(oldest);
    return { kind: known === undefined ? "new" : "kept", form };
  }

  /** Moves what lies in the caches out of the memory, which another program is about to use. */
  leave(): void {
    this.#caches.leave();
  }

  #newForm(binding: DimBinding): OpenForm | null {
    const closed = closedFor(this.program, binding);
    if (closed === null) return null;
    const instance = this.loaded.reshaped(closed);
    const residents: Residents = {
      begin: (inputs) => this.#caches.begin(closed, binding, inputs),
      resultOf: (output) => this.#caches.resultOf(closed, binding, output),
    };
    return { instance, residents };
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

/** A first form of a program, and the positions that it has room for; null for sizes that kernels cannot take. */
export function firstForm(
  program: OpenProgram,
  binding: DimBinding,
): { readonly closed: Program; readonly capacity: number } | null {
  const capacity = roomFor(program, binding, 0);
  const closed = closedFor(program, withCapacity(program, binding, capacity));
  return closed === null ? null : { closed, capacity };
}

/** Positions to have room for, where there is room for `now`. */
function roomFor(program: OpenProgram, binding: DimBinding, now: number): number {
  const least = leastCapacity(program, binding);
  return least <= now ? now : Math.ceil((least * (1 + capacitySpare)) / capacityStep) * capacityStep;
}

const withCapacity = ({ capacity }: OpenProgram, binding: DimBinding, room: number): DimBinding =>
  capacity === null ? binding : new Map([...binding, [capacity, room]]);
