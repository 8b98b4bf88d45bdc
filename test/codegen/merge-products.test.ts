import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { countConstants, mergeProducts } from "../../compiler/codegen/merge-products.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, type Expr, lit, unary } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { expectSameMeaning } from "../passes/pass-case.ts";
import { expectClose, numbersOf, randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

interface Site {
  readonly emit: (spec: OpSpec, origin?: string) => ValueId;
  readonly constant: (data: TensorData) => ValueId;
  readonly output: (value: ValueId) => void;
  readonly x: ValueId;
}

/** A graph over one activation. */
function graphOf(x: readonly number[], body: (site: Site) => void, dtype: "f32" | "f64" = "f32"): Graph {
  const builder = new GraphBuilder("products");
  const input = builder.input("x", tensorType(dtype, x));
  let outputs = 0;
  body({
    emit: (spec, origin = spec.kind) => builder.emitOne(spec, { origin: [origin] }),
    constant: (data) => builder.constant(data),
    output: (value) => {
      builder.output(`y${outputs++}`, value);
    },
    x: input,
  });
  return builder.finish();
}

const weights = (shape: readonly number[], seed: number): TensorData => randomTensor("f32", shape, seed);

const plain = { kind: "matmul", transposeA: false, transposeB: false, epilogue: null } as const;
const bias = binary("add", arg(0), arg(1));

function product({ emit, x, constant }: Site, data: TensorData, epilogue: Expr | null = null, ...extras: ValueId[]): ValueId {
  return emit({ ...plain, inputs: [x, constant(data), ...extras], epilogue });
} // prettier-ignore

const merged = (graph: Graph): Graph => mergeProducts(graph, countConstants(graph)).graph;
/** Columns of each product of a graph. */
const columns = (graph: Graph): (number | undefined)[] =>
  graph.ops
    .filter(({ kind }) => kind === "matmul" || kind === "quantizedMatmul")
    .map(({ outputs }) => {
      const { type } = nth(graph.values, nth(outputs, 0));
      return type.kind === "tensor" ? type.shape.at(-1) : undefined;
    });

async function instanceOf(graph: Graph): Promise<ProgramInstance> {
  return ProgramInstance.create(generateProgram(graph), {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });
}

const functions = (graph: Graph): string[] =>
  generateProgram(graph).program.steps.map((step) =>
    step.kind === "kernel" ? step.function.replace(/_\d+$/, "") : step.kind,
  );

/** Two products of one activation whose results are outputs. */
const two = (rows: number, second: (site: Site) => ValueId, first = weights([8, 4], 1)): Graph =>
  graphOf([rows, 8], (site) => {
    site.output(product(site, first));
    site.output(second(site));
  });

describe("products of one value", () => {
  it("become one, whose columns are sliced", () => {
    const before = parseGraph(`graph "qkv" {
  %0 = input "x" : f32[1,1,4]
  %1 = constant [1, 2, 3, 4, 5, 6, 7, 8] : f32[4,2]
  %2 = constant [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6] : f32[4,3]
  %3 = constant [0.5, 0.25, 0.125, 2] : f32[4,1]
  %4 = constant [10, 20] : f32[2]
  %5 = constant [30] : f32[1]
  %6 = matmul(%0, %1, %4) {transposeA = false, transposeB = false} epilogue add($1, $0) : f32[1,1,2] from "q", "bias"
  %7 = matmul(%0, %2) {transposeA = false, transposeB = false} : f32[1,1,3] from "k"
  %8 = matmul(%0, %3, %5) {transposeA = false, transposeB = false} epilogue add($0, $1) : f32[1,1,1] from "v"
  output "q" = %6
  output "k" = %7
  output "v" = %8
}
`);
    const after = merged(before);
    expect(verifyGraph(after)).toEqual([]);
    expect(printGraph(after)).toMatchGolden("codegen/merge-products.ir");
    expectSameMeaning(before, after);
    expect(functions(before)).toEqual(["product"]);
  });

  it("compute what they did apart", async () => {
    const drawn = fc.record({
      rows: fc.constantFrom(1, 1, 2, 3, 7, 24),
      inner: fc.integer({ min: 1, max: 70 }),
      heads: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }),
      depth: fc.constantFrom(3, 8, 16),
      transposeB: fc.boolean(),
      biased: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      behind: fc.constantFrom("nothing", "bias", "scale"),
      seed: fc.integer({ min: 1, max: 1000 }),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ rows, inner, heads, depth, transposeB, biased, behind, seed }) => {
        const matrices = heads.map((count, i) => weights(transposeB ? [count * depth, inner] : [inner, count * depth], seed + i));
        const biases = heads.map((count, i) => weights([count * depth], seed + 10 + i));
        const hasBias = (i: number): boolean => behind === "scale" || (behind === "bias" && nth(biased, i));
        const graph = graphOf([rows, inner], ({ emit, constant, x, output }) => {
          for (const [i, count] of heads.entries()) {
            const scaled = binary("mul", bias, lit("f32", 0.5));
            const epilogue = hasBias(i) ? (behind === "scale" ? scaled : bias) : null;
            const inputs = [x, constant(nth(matrices, i)), ...(hasBias(i) ? [constant(nth(biases, i))] : [])];
            const result = emit({ ...plain, transposeB, inputs, epilogue });
            const split = emit({ kind: "reshape", inputs: [result], shape: [rows, count, depth] });
            output(emit({ kind: "transpose", inputs: [split], perm: [1, 0, 2] }));
          }
        });
        const x = randomTensor("f32", [rows, inner], seed + 20);
        const instance = await instanceOf(graph);
        await instance.run([x]);
        const results = (await instance.run([x])) as TensorData[];
        for (const [i, count] of heads.entries()) {
          const [a, b, c] = [x, nth(matrices, i), nth(biases, i)].map(numbersOf) as [number[], number[], number[]];
          const expected = Array.from({ length: count * rows * depth }, (_, at) => {
            const [head, row, column] = [Math.floor(at / (rows * depth)), Math.floor(at / depth) % rows, at % depth];
            const n = head * depth + column;
            let sum = 0;
            for (let k = 0; k < inner; k++) {
              sum += nth(a, row * inner + k) * nth(b, transposeB ? n * inner + k : k * count * depth + n);
            }
            const added = sum + (hasBias(i) ? nth(c, n) : 0);
            return behind === "scale" ? added * 0.5 : added;
          });
          expectClose(nth(results, i), expected, 2e-6);
        }
        // short rows are copied by their transposes one by one
        const canMerge = rows === 1 || depth >= 8;
        if (canMerge && behind !== "bias") expect(columns(merged(graph))).toHaveLength(1);
      }),
      { numRuns: 60, seed: 3 },
    );
  }); // prettier-ignore

  it("read the value once for attention, which finds its heads where they lie", async () => {
    const graph = graphOf([12, 32], (site) => {
      const { emit, output } = site;
      const heads = (seed: number): ValueId => {
        const split = emit({ kind: "reshape", inputs: [product(site, weights([32, 32], seed))], shape: [12, 2, 16] });
        return emit({ kind: "transpose", inputs: [split], perm: [1, 0, 2] });
      };
      const [q, k, v] = [heads(1), heads(2), heads(3)];
      const scores = emit({ ...plain, transposeB: true, inputs: [q, k] });
      const softmax = emit({ kind: "softmax", inputs: [scores], axis: 2, log: false });
      output(emit({ ...plain, inputs: [softmax, v] }));
    });
    expect(functions(graph).filter((name) => !["pack", "restride"].includes(name))).toEqual(["product", "attention"]);
    const x = randomTensor("f32", [12, 32], 7);
    const [result] = (await (await instanceOf(graph)).run([x])) as TensorData[];
    const expected = interpretGraph(graph, new Map([["x", x]])).get("y0") as TensorData;
    expectClose(result as TensorData, numbersOf(expected), 1e-5);
  });

  it("keep the step's kernel, and the origins of all", () => {
    const graph = two(1, (site) => product(site, weights([8, 6], 2)));
    const { steps } = generateProgram(graph, { kernelOf: (op) => 10 + op }).program;
    expect(steps.map((step) => (step.kind === "kernel" ? [step.kernel, step.origin] : step.kind))).toEqual([
      [10, ["matmul"]],
    ]);
  });

  it("are merged inside of regions", () => {
    const branch = (seed: number): Graph =>
      graphOf([1, 8], (site) => {
        const [a, b] = [product(site, weights([8, 4], seed)), product(site, weights([8, 4], seed + 1))];
        site.output(site.emit({ kind: "map", inputs: [a, b], expr: binary("sub", arg(0), arg(1)) }));
      });
    const builder = new GraphBuilder("choice");
    const [condition, x] = [builder.input("c", tensorType("bool", [])), builder.input("x", tensorType("f32", [1, 8]))];
    const spec = { kind: "if", inputs: [condition, x], then: branch(1), else: branch(3) } as const;
    builder.output("y", builder.emitOne(spec, { origin: ["If"] }));
    const [step] = generateProgram(builder.finish()).program.steps;
    const inside = step?.kind === "if" ? [step.then, step.else].map(({ steps }) => steps.length) : [];
    // a product, a map, and the copy to the result
    expect(inside).toEqual([3, 3]);
  });
});

describe("products stay apart", () => {
  const apart = (graph: Graph): void => {
    expect(merged(graph)).toBe(graph);
  };

  it("where a slice would be a copy", () => {
    apart(two(2, (site) => product(site, weights([8, 4], 2))));
  });

  it("where there are many rows, which do not wait for weights", () => {
    const graph = (rows: number): Graph =>
      graphOf([rows, 16], (site) => {
        for (const seed of [1, 2]) {
          const map = unary("exp", arg(0));
          site.output(site.emit({ kind: "map", inputs: [product(site, weights([16, 16], seed))], expr: map }));
        }
      });
    expect(columns(merged(graph(24)))).toEqual([32]);
    apart(graph(25));
  });

  it("where one reads the other's result, or their epilogues differ", () => {
    const first = weights([8, 4], 1);
    apart(
      graphOf([1, 8], (site) => {
        const gate = product(site, first);
        site.output(product(site, weights([8, 4], 2), binary("mul", arg(0), unary("sigmoid", arg(1))), gate));
      }),
    );
    apart(two(1, (site) => product(site, weights([8, 4], 2), unary("neg", arg(0)))));
    apart(two(1, (site) => product(site, weights([8, 4], 2), binary("mul", arg(0), lit("f32", 2)))));
  });

  it("where operands are not alike: another order, another type, no constant", () => {
    apart(two(1, ({ emit, x, constant }) => emit({ ...plain, transposeB: true, inputs: [x, constant(weights([4, 8], 2))] }))); // prettier-ignore
    apart(
      graphOf([1, 8], (site) => {
        site.output(product(site, weights([8, 4], 1)));
        const other = site.emit({ kind: "map", inputs: [site.x], expr: unary("neg", arg(0)) });
        site.output(product({ ...site, x: other }, weights([8, 4], 2)));
      }),
    );
    apart(
      graphOf([8, 8], ({ emit, x, output }) => {
        for (const perm of [[0, 1], [1, 0]]) {
          const matrix = emit({ kind: "transpose", inputs: [x], perm });
          output(emit({ ...plain, inputs: [x, matrix] }));
        }
      }),
    ); // prettier-ignore
  });

  it("where weights are read elsewhere and would be stored twice", () => {
    const shared = weights([8, 4], 2);
    apart(
      graphOf([1, 8], (site) => {
        site.output(product(site, weights([8, 4], 1)));
        site.output(product(site, shared));
        site.output(site.emit({ kind: "map", inputs: [site.constant(shared)], expr: unary("neg", arg(0)) }));
      }),
    );
    apart(two(1, (site) => product(site, shared), shared));
  });

  it("but not where all that read the weights are merged alike", () => {
    const [first, second] = [weights([8, 8], 1), weights([8, 8], 2)];
    const graph = graphOf([1, 8], (site) => {
      let { x } = site;
      for (let layer = 0; layer < 3; layer++) {
        const [a, b] = [product({ ...site, x }, first), product({ ...site, x }, second)];
        x = site.emit({ kind: "map", inputs: [a, b], expr: binary("max", arg(0), arg(1)) });
      }
      site.output(x);
    });
    expect(columns(merged(graph))).toEqual([16, 16, 16]);
    expect(generateProgram(graph).program.memory.weightsBytes).toBe(8 * 16 * 4);
  });

  it("where the weights of one fit in 16 bits, and those of another do not", () => {
    const rounded = tensorFrom(
      "f32",
      [8, 4],
      Array.from({ length: 32 }, (_, i) => i - 15),
    );
    const inexact = tensorFrom("f32", [8, 4], Array.from({ length: 32 }, (_, i) => (i - 15) * 1.000001)); // prettier-ignore
    apart(two(1, (site) => product(site, inexact), rounded));
    const both = two(1, (site) => product(site, { ...rounded, elements: Float32Array.from(rounded.elements as Float32Array) }), rounded); // prettier-ignore
    expect(columns(merged(both))).toEqual([8]);
    expect(generateProgram(both).program.memory.weightsBytes).toBeLessThanOrEqual(8 * 12 * 2);
  });

  it("where 28 bits hold a large matrix, but not the two together", () => {
    const random = weights([1024, 512], 5);
    const scaled = (by: (i: number) => number): TensorData =>
      makeTensor(
        "f32",
        random.shape,
        Float32Array.from(random.elements as Float32Array, (value, i) => value * by(i)),
      );
    const row = (second: TensorData): Graph =>
      graphOf([1, 1024], (site) => {
        site.output(product(site, scaled(() => 1)));
        site.output(product(site, second));
      }); // prettier-ignore
    expect(columns(merged(row(scaled(() => 0.5))))).toEqual([1024]);
    apart(row(scaled((i) => 2 ** (20 + (i % 30)))));
  });
});

describe("products with weights of few bits", () => {
  const quantized = ({ emit, constant, x }: Site, count: number, zero: number, perColumn: boolean): ValueId => {
    const integers = tensorFrom(
      "u4",
      [count, 64],
      Array.from({ length: count * 64 }, (_, i) => (i * 7 + count) % 16),
    );
    const scales = randomTensor("f32", perColumn ? [count, 2] : [1, 2], count);
    const inputs = [x, constant(integers), constant(scales), constant(tensorFrom("f32", [1, 1], [zero]))];
    return emit({ kind: "quantizedMatmul", inputs, blockSize: 32, epilogue: null });
  };
  const graph = (rows: number, zeros: readonly [number, number]): Graph =>
    graphOf([rows, 64], (site) => {
      site.output(quantized(site, 8, zeros[0], true));
      site.output(quantized(site, 5, zeros[1], false));
    });

  it("are merged with their scales", async () => {
    for (const zeros of [[8, 8], [3, 5]] as const) {
      const before = graph(1, zeros);
      expect(columns(merged(before))).toEqual([13]);
      expectSameMeaning(before, merged(before));
      const x = randomTensor("f32", [1, 64], 9);
      const results = (await (await instanceOf(before)).run([x])) as TensorData[];
      const expected = interpretGraph(before, new Map([["x", x]]));
      for (const [i, result] of results.entries()) {
        expectClose(result, numbersOf(expected.get(`y${i}`) as TensorData), 3e-6);
      }
    }
  }); // prettier-ignore

  it("stay apart where only one needs zero points, or slices would be copies", () => {
    for (const one of [graph(1, [8, 3]), graph(2, [8, 8])]) expect(merged(one)).toBe(one);
  });
});
