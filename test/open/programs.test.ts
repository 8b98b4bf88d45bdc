/** Open programs: closed for any shape that they admit they compute what the graph, bound to that shape, computes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { generateOpenProgram } from "../../compiler/codegen/open/lower.ts";
import { lowerOpenModel } from "../../compiler/frontend/open/lower.ts";
import { fuseOpenGraph } from "../../compiler/passes/fuse-open.ts";
import { bindGraph } from "../../ir/open/bind.ts";
import { bindShapes, closeProgram } from "../../ir/open/close.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { HostValue } from "../../runtime/host/value.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { relativeError } from "../helpers/oracle.ts";
import { model } from "../helpers/onnx-builder.ts";
import { anySizes, cases, shapesOf, type Sizes } from "./cases.ts";

const options = { runDeferred: (): Promise<readonly HostValue[]> => Promise.reject(new Error("nothing is deferred")) };
const numbers = (value: unknown): ArrayLike<number> => (value as TensorData).elements as ArrayLike<number>;

describe.each(Object.entries(cases))("%s", (_, one) => {
  test("one program, one set of kernels, any shape", async () => {
    const { graph, witness } = lowerOpenModel(await model(one.model), shapesOf(one.feeds(one.witness)));
    const compiled = generateOpenProgram(fuseOpenGraph(graph));
    const { program } = compiled;
    const loaded = await ProgramInstance.create({ ...compiled, program: closeProgram(program, witness) }, options);
    const inputsOf = (sizes: Sizes): TensorData[] => {
      const feeds = one.feeds(sizes);
      return program.inputs.map(({ name }) => {
        const found = feeds[name];
        if (found === undefined) throw new Error(`no feed ${name}`);
        return found;
      });
    };
    const sizes = anySizes(one);
    await fc.assert(
      fc.asyncProperty(sizes, async (chosen) => {
        const inputs = inputsOf(chosen);
        const binding = bindShapes(
          program,
          inputs.map(({ shape }) => shape),
        );
        if (binding === null) throw new Error("the program does not admit this shape");
        const results = await loaded.reshaped(closeProgram(program, binding)).run(inputs);
        const named = new Map(
          program.inputs.map(({ name }, i): [string, HostValue] => [name, inputs[i] as TensorData]),
        );
        const expected = interpretGraph(bindGraph(graph, binding), named);
        for (const [i, { name }] of program.outputs.entries()) {
          expect((results[i] as TensorData).shape).toEqual((expected.get(name) as TensorData).shape);
          expect(relativeError(numbers(results[i]), numbers(expected.get(name)))).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 40 },
    );
  });
});

test("a convolution has a way for few pixels and one for many, of which a shape runs one", async () => {
  const { model: spec, feeds, witness } = cases["deep"] as NonNullable<(typeof cases)[string]>;
  const { graph } = lowerOpenModel(await model(spec), shapesOf(feeds(witness)));
  const { program } = generateOpenProgram(fuseOpenGraph(graph));
  const stepsFor = (height: number, width: number): readonly string[] => {
    const binding = bindShapes(program, [[2, 24, height, width]]);
    if (binding === null) throw new Error("the program does not admit this shape");
    return closeProgram(program, binding).steps.flatMap((step) => (step.kind === "kernel" ? [step.function] : []));
  };
  const forSide = (isMany: boolean): readonly string[] =>
    program.steps.flatMap(({ when, function: name }) => (when?.holds === isMany ? [name] : []));
  expect(forSide(true)).toHaveLength(4);
  const [few, many] = [stepsFor(2, 2), stepsFor(60, 60)];
  for (const name of forSide(true)) expect([few.includes(name), many.includes(name)]).toEqual([false, true]);
  for (const name of forSide(false)) expect([few.includes(name), many.includes(name)]).toEqual([true, false]);
});
