/** Runs a folder that was compiled for all shapes of a model: each run takes the program that admits what it is fed. Nothing is compiled. */
import { brokenGuard } from "../ir/assumptions.ts";
import { fail, showName } from "../ir/diagnostic.ts";
import { bindShapes, symbolSizes } from "../ir/open/close.ts";
import { dimsFor, type OpenFamily, programsOf } from "../ir/open/family.ts";
import { type HostValue, isTensor } from "./host/value.ts";
import { ProgramInstance } from "./instance.ts";
import { type OpenForm, OpenForms } from "./open-forms.ts";
import { asCompiled, instanceOptions, runFed, type Runner, type RunnerOptions } from "./runner.ts";
import type { ProgramSource } from "./source.ts";

/** A family, and where the kernels and weights that its programs share come from. */
export interface FamilySource {
  readonly family: OpenFamily;
  /** the source of `baseProgram` */
  readonly base: ProgramSource;
}

export async function familyRunner({ family, base }: FamilySource, options: RunnerOptions): Promise<Runner> {
  // memory that threads share cannot grow
  const loaded = await ProgramInstance.load(base, instanceOptions({ ...options, threads: null }));
  const programs = new FamilyPrograms(family, loaded);
  const { inputs, outputs } = family;
  return {
    inputs,
    outputs,
    open: null,
    run: async (feeds) => {
      const values = asCompiled(feeds.values, inputs);
      const { instance, residents } = programs.formFor(values);
      return runFed(instance, { ...feeds, values }, residents);
    },
  };
}

class FamilyPrograms {
  readonly #family: OpenFamily;
  readonly #programs: readonly OpenForms[];
  /** the one that has used the memory last */
  #last: OpenForms | null = null;

  constructor(family: OpenFamily, loaded: ProgramInstance) {
    this.#family = family;
    this.#programs = programsOf(family).map((program) => new OpenForms(program, loaded));
  }

  /** Throws WSC7002 for shapes that no program admits. */
  formFor(values: ReadonlyMap<string, HostValue>): OpenForm {
    const shapes = this.#family.inputs.map(({ name }): readonly number[] => {
      const value = values.get(name);
      if (value === undefined || !isTensor(value)) throw fail("WSC7001", `input "${showName(name)}" is missing`);
      return value.shape;
    });
    const sizes = dimsFor(this.#family, shapes);
    for (const forms of this.#programs) {
      const binding = bindShapes(forms.program, shapes);
      const found = binding === null ? null : forms.formFor(binding);
      if (found === null) continue;
      if (this.#last !== forms) this.#last?.leave();
      this.#last = forms;
      return found.form;
    }
    throw this.#refused(sizes, shapes);
  }

  /** Why the programs that are nearest do not admit these shapes. */
  #refused(sizes: ReadonlyMap<string, number>, shapes: readonly (readonly number[])[]): Error {
    const shown = [...sizes].map(([name, size]) => `${showName(name)}=${size}`).join(", ");
    const [reason] = this.#programs.flatMap(({ program: { conditions }, program }) => {
      const binding = symbolSizes(program, shapes);
      const isInRange = [...conditions.ranges].every(([name, { least, most }]) => {
        const size = binding?.get(name);
        return size !== undefined && size >= least && size <= most;
      });
      return binding !== null && isInRange ? (brokenGuard(conditions.guards, binding) ?? []) : [];
    });
    const needed = reason === undefined ? "" : `: ${reason} must hold`;
    return fail("WSC7002", `no program of the folder admits ${shown}${needed}`, {
      subject: this.#family.name,
      hint: "wsc compile MODEL --dim NAME=N makes a folder for these sizes, or says why there is none",
    });
  }
}
