import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, unary } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

const sum = binary("add", arg(0), arg(1));

interface Built {
  readonly graph: Graph;
  readonly inputs: readonly TensorData[];
}

function build(
  shapes: readonly (readonly number[])[],
  body: (emit: (spec: OpSpec) => ValueId, inputs: readonly ValueId[], output: (value: ValueId) => void) => void,
): Built {
  const builder = new GraphBuilder("views");
  const values = shapes.map((shape, i) => builder.input(`x${i}`, tensorType("f32", shape)));
  let outputs = 0;
  body(
    (spec) => builder.emitOne(spec, { origin: [spec.kind] }),
    values,
    (value) => {
      builder.output(`y${outputs++}`, value);
    },
  );
  return { graph: builder.finish(), inputs: shapes.map((shape, i) => randomTensor("f32", shape, i + 1)) };
}

/** Runs the program twice against the interpreter, bit by bit; the functions that it calls, without their numbers. */
async function check({ graph, inputs }: Built): Promise<string[]> {
  const compiled = generateProgram(graph);
  const instance = await ProgramInstance.create(compiled, {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });
  const named = new Map(graph.inputs.map(({ name }, i) => [name, nth(inputs, i)]));
  const expected = interpretGraph(graph, named);
  await instance.run(inputs);
  const results = await instance.run(inputs);
  for (const [i, { name }] of graph.outputs.entries()) expect(results[i]).toEqual(expected.get(name));
  return compiled.program.steps.map((step) =>
    step.kind === "kernel" ? step.function.replace(/_\d+$/, "") : step.kind,
  );
}

describe("maps over parts of other values", () => {
  it("read slices and transposes where they lie", async () => {
    const sliced = build([[4, 40], [4, 16]], (emit, [x = 0, y = 0], output) => {
      const part = emit({ kind: "slice", inputs: [x], starts: [0, 20], sizes: [4, 16], steps: [1, 1] });
      output(emit({ kind: "map", inputs: [part, y], expr: sum }));
    }); // prettier-ignore
    expect(await check(sliced)).toEqual(["map"]);
    const moved = build([[3, 5, 16], [5, 3, 16]], (emit, [x = 0, y = 0], output) => {
      const turned = emit({ kind: "transpose", inputs: [x], perm: [1, 0, 2] });
      output(emit({ kind: "map", inputs: [y, turned], expr: sum }));
    }); // prettier-ignore
    expect(await check(moved)).toEqual(["map"]);
  });

  it("read halves backwards beside the value itself, which they do not overwrite", async () => {
    const rotated = build([[6, 64], [2, 32]], (emit, [x = 0, s = 0], output) => {
      // a value that dies here: the result might be put in its place
      const own = emit({ kind: "map", inputs: [x], expr: unary("neg", arg(0)) });
      const halves = emit({ kind: "reshape", inputs: [own], shape: [6, 2, 32] });
      const back = emit({ kind: "slice", inputs: [halves], starts: [0, 1, 0], sizes: [6, 2, 32], steps: [1, -1, 1] });
      const expr = binary("add", arg(0), binary("mul", arg(1), arg(2)));
      output(emit({ kind: "map", inputs: [halves, back, s], expr }));
    }); // prettier-ignore
    expect(await check(rotated)).toEqual(["map", "map"]);
  });

  it("make what others read as well, and what lies apart element by element", async () => {
    const shared = build([[4, 40], [4, 16]], (emit, [x = 0, y = 0], output) => {
      const part = emit({ kind: "slice", inputs: [x], starts: [0, 0], sizes: [4, 16], steps: [1, 1] });
      output(emit({ kind: "map", inputs: [part, y], expr: sum }));
      output(part);
    }); // prettier-ignore
    expect(await check(shared)).toEqual(["slice", "map"]);
    const turned = build([[16, 12], [12, 16]], (emit, [x = 0, y = 0], output) => {
      const columns = emit({ kind: "transpose", inputs: [x], perm: [1, 0] });
      output(emit({ kind: "map", inputs: [columns, y], expr: sum }));
    }); // prettier-ignore
    expect(await check(turned)).toEqual(["transpose", "map"]);
  });

  it("broadcast them, and follow any slice", async () => {
    const size = fc.integer({ min: 1, max: 5 });
    const drawn = fc.record({ outer: size, rows: size, row: fc.integer({ min: 8, max: 40 }), start: size, step: fc.constantFrom(1, 2, -1), one: fc.boolean() }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(drawn, async ({ outer, rows, row, start, step, one }) => {
        const taken = one ? 1 : rows;
        const spread = 1 + (taken - 1) * Math.abs(step);
        const graph = build([[spread + 2, row + start], [outer, rows, row]], (emit, [x = 0, y = 0], output) => {
          const first = step > 0 ? 1 : spread;
          const part = emit({ kind: "slice", inputs: [x], starts: [first, start], sizes: [taken, row], steps: [step, 1] });
          output(emit({ kind: "map", inputs: [y, part], expr: sum }));
        }); // prettier-ignore
        expect(await check(graph)).toEqual(["map"]);
      }),
      { numRuns: 30, seed: 2 },
    );
  });
});
