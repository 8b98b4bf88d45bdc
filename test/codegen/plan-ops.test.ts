import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, unary } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
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
  body: (
    emit: (spec: OpSpec) => ValueId,
    inputs: readonly ValueId[],
    output: (value: ValueId) => void,
    constant: (tensor: TensorData) => ValueId,
  ) => void,
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
    (tensor) => builder.constant(tensor),
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

describe("movements over parts of other values", () => {
  it("copy them once: heads of a part of a row", async () => {
    const heads = build([[6, 48]], (emit, [x = 0], output) => {
      for (const start of [0, 16]) {
        const part = emit({ kind: "slice", inputs: [x], starts: [0, start], sizes: [6, 32], steps: [1, 1] });
        const split = emit({ kind: "reshape", inputs: [part], shape: [6, 4, 8] });
        output(emit({ kind: "transpose", inputs: [split], perm: [1, 0, 2] }));
      }
    });
    expect(await check(heads)).toEqual(["transpose", "transpose"]);
  });

  it("are left out where all that read them look through them, and made where one does not", async () => {
    const turned = (isRead: boolean): Built =>
      build([[5, 3, 16], [3, 5, 16]], (emit, [x = 0, y = 0], output) => {
        const moved = emit({ kind: "transpose", inputs: [x], perm: [1, 0, 2] });
        const back = emit({ kind: "slice", inputs: [moved], starts: [2, 0, 0], sizes: [3, 5, 16], steps: [-1, 1, 1] });
        output(emit({ kind: "map", inputs: [moved, back], expr: sum }));
        output(emit({ kind: "map", inputs: [moved, y], expr: sum }));
        if (isRead) output(emit({ kind: "reduce", fn: "max", inputs: [moved], axes: [2], keepDims: false }));
      }); // prettier-ignore
    expect(await check(turned(false))).toEqual(["map", "map"]);
    expect(await check(turned(true))).toEqual(["transpose", "map", "map", "reduce"]);
  });

  it("keep to short rows and other orders of a row apart", async () => {
    const short = build([[6, 24]], (emit, [x = 0], output) => {
      const part = emit({ kind: "slice", inputs: [x], starts: [0, 4], sizes: [6, 16], steps: [1, 1] });
      const split = emit({ kind: "reshape", inputs: [part], shape: [6, 4, 4] });
      output(emit({ kind: "transpose", inputs: [split], perm: [1, 0, 2] }));
    });
    expect(await check(short)).toEqual(["slice", "transpose"]);
  });
});

describe("slices in one piece", () => {
  it("lie where their operand does", async () => {
    const row = build([[1, 40]], (emit, [x = 0], output) => {
      const own = emit({ kind: "map", inputs: [x], expr: unary("neg", arg(0)) });
      const part = (start: number, size: number): ValueId =>
        emit({ kind: "slice", inputs: [own], starts: [0, start], sizes: [1, size], steps: [1, 1] });
      output(emit({ kind: "concat", inputs: [part(3, 20), part(0, 7)], axis: 1 }));
      output(emit({ kind: "reduce", fn: "max", inputs: [part(10, 30)], axes: [1], keepDims: true }));
      output(part(39, 1));
    });
    expect(await check(row)).toEqual(["map", "concat", "concat", "reduce"]);
  });

  it("are copied where they are little of it, and read where they lie in what the caller gave", async () => {
    const little = build([[1, 40]], (emit, [x = 0], output) => {
      const own = emit({ kind: "map", inputs: [x], expr: unary("neg", arg(0)) });
      output(emit({ kind: "slice", inputs: [own], starts: [0, 3], sizes: [1, 19], steps: [1, 1] }));
    });
    expect(await check(little)).toEqual(["map", "slice"]);
    const given = build([[1, 40]], (emit, [x = 0], output) => {
      output(emit({ kind: "slice", inputs: [x], starts: [0, 3], sizes: [1, 30], steps: [1, 1] }));
    });
    expect(await check(given)).toEqual([]);
  });

  it("are read as any slice, also where results could overwrite them", async () => {
    const size = fc.integer({ min: 1, max: 4 });
    const drawn = fc.record({ ones: fc.integer({ min: 0, max: 2 }), cut: size, start: size, rest: size, inner: fc.array(size, { maxLength: 2 }), share: fc.boolean() }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(drawn, async ({ ones, cut, start, rest, inner, share }) => {
        const lead = new Array<number>(ones).fill(1);
        const shape = [...lead, start + cut + rest, ...inner];
        const graph = build([shape], (emit, [x = 0], output) => {
          const own = emit({ kind: "map", inputs: [x], expr: unary("neg", arg(0)) });
          const piece = (from: number, count: number): ValueId => {
            const starts = shape.map((_, axis) => (axis === ones ? from : 0));
            const sizes = shape.with(ones, count);
            return emit({ kind: "slice", inputs: [own], starts, sizes, steps: shape.map(() => 1) });
          };
          const first = piece(0, start + cut);
          const last = piece(start, cut + rest);
          const changed = emit({ kind: "map", inputs: [first], expr: unary("abs", arg(0)) });
          output(emit({ kind: "map", inputs: [changed, first], expr: sum }));
          output(emit({ kind: "map", inputs: [last, last], expr: sum }));
          if (share) output(own);
        });
        expect(await check(graph)).not.toContain("slice");
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});

describe("scatters", () => {
  const negated = unary("neg", arg(0));
  const rows = tensorFrom("i64", [2, 1], [3, 1]);

  it("write into a value that dies, without copying it", async () => {
    const dying = build([[5, 12], [2, 12]], (emit, [x = 0, added = 0], output, constant) => {
      const own = emit({ kind: "map", inputs: [x], expr: negated });
      output(emit({ kind: "scatterND", inputs: [own, constant(rows), added], reduction: "none" }));
    }); // prettier-ignore
    expect(await check(dying)).toEqual(["map", "scatterND"]);
    const elements = tensorFrom(
      "i64",
      [2, 12],
      Array.from({ length: 24 }, (_, i) => (i * 7) % 5),
    );
    const single = build([[5, 12], [2, 12]], (emit, [x = 0, added = 0], output, constant) => {
      const own = emit({ kind: "map", inputs: [x], expr: negated });
      const sum = emit({ kind: "scatterElements", inputs: [own, constant(elements), added], axis: 0, reduction: "add" });
      output(sum);
    }); // prettier-ignore
    expect(await check(single)).toEqual(["map", "scatterElements"]);
  });

  it("copy a value that others read as well, or that is what they write", async () => {
    const shared = build([[5, 12], [2, 12]], (emit, [x = 0, added = 0], output, constant) => {
      const own = emit({ kind: "map", inputs: [x], expr: negated });
      const written = emit({ kind: "scatterND", inputs: [own, constant(rows), added], reduction: "none" });
      output(emit({ kind: "map", inputs: [own, written], expr: sum }));
    }); // prettier-ignore
    expect(await check(shared)).toEqual(["map", "broadcast", "scatterND", "map"]);
    const itself = build([[2, 12]], (emit, [x = 0], output, constant) => {
      const own = emit({ kind: "map", inputs: [x], expr: negated });
      const turned = tensorFrom("i64", [2, 1], [1, 0]);
      output(emit({ kind: "scatterND", inputs: [own, constant(turned), own], reduction: "none" }));
    }); // prettier-ignore
    expect(await check(itself)).toEqual(["map", "broadcast", "scatterND"]);
  });
});
