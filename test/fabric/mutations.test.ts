import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  allReduceProgram,
  chainProgram,
  relayProgram,
  starProgram,
  treeProgram,
  twoPhaseProgram,
} from "../../compiler/fabric/collectives/line.ts";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { defined } from "../../ir/access.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { FabricProgram } from "../../ir/fabric/program.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";
import { anyMutation, disorders, mutations, pickerOf } from "./mutations.ts";
import { models, placed, randomInputs, run, smallTarget, worstError } from "./placed.ts";

const row = { target: wse2, cores: 6, words: 8 };

/** A program, and what its run gives: null where its numbers are the wanted ones. */
interface Subject {
  readonly program: FabricProgram;
  readonly run: (program: FabricProgram) => string | null;
}

const collective = (program: FabricProgram): Subject => {
  const vectorOf = (core: number): Float32Array => Float32Array.from({ length: 8 }, (_, word) => 1 + core + 7 * word);
  const imageOf = (given: FabricProgram): number[][] => {
    const { sram } = simulateWords(given, wse2, {
      constants: vectorOf,
      inputs: () => new Float32Array(0),
      maxCycles: 100_000,
    });
    return Array.from({ length: 6 }, (_, core) => Array.from(sram(4 + core, 1, "data")));
  };
  const wanted = JSON.stringify(imageOf(program));
  return { program, run: (given) => (JSON.stringify(imageOf(given)) === wanted ? null : "other numbers") };
};

const model = async (name: "mlp" | "convolution" | "residual", columns: number, rows: number): Promise<Subject> => {
  const given = await placed(models[name](), smallTarget(columns, rows));
  const inputs = randomInputs(given.graph, 2);
  return {
    program: lowerFabric(given),
    run: (program) => (worstError(given, inputs, run(program, given, inputs)) < 1e-5 ? null : "other numbers"),
  };
};

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  chain: () => Promise.resolve(collective(chainProgram(row))),
  star: () => Promise.resolve(collective(starProgram(row))),
  tree: () => Promise.resolve(collective(treeProgram(row))),
  relay: () => Promise.resolve(collective(relayProgram(row))),
  "two-phase": () => Promise.resolve(collective(twoPhaseProgram(row, 3))),
  "all-reduce": () => Promise.resolve(collective(allReduceProgram(row))),
  mlp: () => model("mlp", 10, 8),
  convolution: () => model("convolution", 12, 8),
  residual: () => model("residual", 6, 6),
};

/** What became of a mutated program: who refused it and how, or what its numbers are. */
function fateOf(subject: Subject, mutated: FabricProgram): { readonly by: string; readonly text: string } {
  const faults = verifyFabric(mutated);
  if (faults.length > 0)
    return {
      by: "verifier",
      text: faults.map(({ subject: about, message }) => `${about ?? ""}: ${message}`).join("\n"),
    };
  try {
    const numbers = subject.run(mutated);
    return { by: numbers === null ? "nobody: same numbers" : "numbers", text: "" };
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return { by: "simulator", text: error.message };
  }
}

describe.each(Object.entries(subjects))("%s with a fault", (name, build) => {
  it("is refused, naming a layer and core, or the edge", async () => {
    const subject = await build();
    expect(verifyFabric(subject.program)).toEqual([]);
    const silent: string[] = [];
    fc.assert(
      fc.property(anyMutation, ({ name: kind, seed }) => {
        const mutated = defined(mutations[kind])(subject.program, pickerOf(seed));
        fc.pre(mutated !== null && JSON.stringify(mutated) !== JSON.stringify(subject.program));
        const { by, text } = fateOf(subject, defined(mutated));
        if (by === "verifier" || by === "simulator")
          expect(text).toMatch(/core \(\d+, \d+\)|router \(\d+, \d+\)|role r\d+|edge of the wafer/);
        else silent.push(`${kind} ${seed}: ${by}`);
      }),
      { numRuns: 400, seed: 14 },
    );
    expect(`${name}\n${silent.join("\n")}`).toBe(`${name}\n`);
  });
});

// models are left out here: a mean is the same in any order, and so are values that a rectifier made zero
const ordered = Object.entries(subjects).filter(([name]) => !(name in models));

describe.each(ordered)("%s with words out of order", (name, build) => {
  it("does not give the wanted numbers, and does not hang", async () => {
    const subject = await build();
    const unseen: string[] = [];
    for (const [kind, mutation] of Object.entries(disorders)) {
      for (let seed = 1; seed <= 12; seed++) {
        const mutated = mutation(subject.program, pickerOf(seed));
        if (mutated === null || JSON.stringify(mutated) === JSON.stringify(subject.program)) continue;
        const { by } = fateOf(subject, mutated);
        if (by.startsWith("nobody")) unseen.push(`${kind} ${seed}: ${by}`);
      }
    }
    expect(`${name}\n${unseen.join("\n")}`).toBe(`${name}\n`);
  });
});
