import { describe, expect, it } from "@jest/globals";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const x = tensor([2, 3], [1, -2, 3, -4, 5, -6]);
const rows = [
  [1, -2, 3],
  [-4, 5, -6],
];
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

const reductions: readonly (readonly [string, (row: readonly number[]) => number])[] = [
  ["ReduceSum", sum],
  ["ReduceMean", (row) => sum(row) / row.length],
  ["ReduceProd", (row) => row.reduce((a, b) => a * b, 1)],
  ["ReduceMax", (row) => Math.max(...row)],
  ["ReduceMin", (row) => Math.min(...row)],
  ["ReduceL1", (row) => sum(row.map(Math.abs))],
  ["ReduceL2", (row) => Math.sqrt(sum(row.map((v) => v * v)))],
  ["ReduceSumSquare", (row) => sum(row.map((v) => v * v))],
  ["ReduceLogSum", (row) => Math.log(sum(row))],
  ["ReduceLogSumExp", (row) => Math.log(sum(row.map(Math.exp)))],
];

describe.each(reductions)("%s", (op, of) => {
  const [whole, byRow] = [of(rows.flat()), rows.map((row) => of(row))];
  const axes = tensor([1], [-1], "i64");

  it("takes its axes from an attribute, later from an input", async () => {
    const early = { op, opset: 11, attributes: { axes: [1], keepdims: 0 }, inputs: [x] };
    expect(distance(await values(early), byRow)).toBeLessThan(1e-6);
    const late: NodeCase = { op, opset: 18, inputs: [x, axes], constants: [1] };
    expect(distance(await values(late), byRow)).toBeLessThan(1e-6);
    expect((await run(late))[0]?.shape).toEqual([2, 1]);
    expect(await refusal({ op, opset: 18, attributes: { axes: [1] }, inputs: [x] })).toContain("WSC3002");
  });

  it("reduces everything where no axes are named, or nothing when told so", async () => {
    expect(distance(await values({ op, opset: 18, inputs: [x] }), [whole])).toBeLessThan(1e-6);
    const noop = await values({ op, opset: 18, attributes: { noop_with_empty_axes: 1 }, inputs: [x] });
    // A reduction over no axis is one over single elements.
    expect(distance(noop, rows.flat().map((v) => of([v])))).toBeLessThan(1e-6); // prettier-ignore
  });
});

describe("reductions", () => {
  it("give the neutral element of nothing", async () => {
    const empty = tensor([2, 0], []);
    const of = (op: string): Promise<number[]> => values({ op, opset: 13, attributes: op === "ReduceSum" ? {} : { axes: [1] }, inputs: op === "ReduceSum" ? [empty, tensor([1], [1], "i64")] : [empty], constants: [1] }); // prettier-ignore
    expect(await of("ReduceSum")).toEqual([0, 0]);
    expect(await of("ReduceProd")).toEqual([1, 1]);
    expect(await of("ReduceMax")).toEqual([-Infinity, -Infinity]);
    expect(await of("ReduceLogSumExp")).toEqual([-Infinity, -Infinity]);
  });

  it("do not overflow in ReduceLogSumExp, and keep infinities", async () => {
    const large = tensor([3, 2], [1000, 1000, -Infinity, -Infinity, Infinity, 0]);
    const result = await values({ op: "ReduceLogSumExp", opset: 13, attributes: { axes: [1] }, inputs: [large] });
    expect(distance(result, [1000 + Math.LN2, -Infinity, Infinity])).toBeLessThan(1e-6);
  });

  it("average integers by their exact sum", async () => {
    const inputs = [tensor([4], [1, 2, 2, 2], "i32")];
    expect(await values({ op: "ReduceMean", opset: 13, inputs })).toEqual([1]);
    expect(await values({ op: "ReduceL2", opset: 13, inputs: [tensor([2], [3, 4], "i64")] })).toEqual([5]);
  });

  it("take bools for their extrema", async () => {
    const inputs = [tensor([2, 2], [0, 1, 0, 0], "bool"), tensor([1], [1], "i64")];
    expect(await values({ op: "ReduceMax", opset: 20, inputs, constants: [1] })).toEqual([1, 0]);
    expect(await values({ op: "ReduceMin", opset: 20, inputs, constants: [1] })).toEqual([0, 0]);
  });

  it("refuse axes that are out of range or come twice", async () => {
    expect(await refusal({ op: "ReduceSum", opset: 11, attributes: { axes: [2] }, inputs: [x] })).toContain("WSC3006");
    expect(await refusal({ op: "ReduceSum", opset: 11, attributes: { axes: [1, -1] }, inputs: [x] })).toContain(
      "WSC3006",
    );
  });

  it("put off what depends on computed axes", async () => {
    const text = await loweredTexts([{ op: "ReduceSum", opset: 13, inputs: [x, tensor([1], [0], "i64")] }]);
    expect(text).toContain("deferred(");
  });
});

describe("ArgMax and ArgMin", () => {
  const ties = tensor([2, 3], [2, 2, 1, 1, 2, 1]);
  it("give the first of equals, or the last", async () => {
    const of = (op: string, select_last_index: number): Promise<number[]> =>
      values({ op, opset: 13, attributes: { axis: -1, keepdims: 0, select_last_index }, inputs: [ties] });
    expect(await of("ArgMax", 0)).toEqual([0, 1]);
    expect(await of("ArgMax", 1)).toEqual([1, 1]);
    expect(await of("ArgMin", 0)).toEqual([2, 0]);
    expect(await of("ArgMin", 1)).toEqual([2, 2]);
  });
});

describe("Softmax", () => {
  const softmax = (row: readonly number[]): number[] => {
    const exponentials = row.map((v) => Math.exp(v - Math.max(...row)));
    return exponentials.map((v) => v / sum(exponentials));
  };

  it("runs over all dims from the axis on before opset 13, along the axis after that", async () => {
    const cube = ramp([2, 2, 2], 0.5);
    const early = await values({ op: "Softmax", opset: 11, inputs: [cube] });
    expect(distance(early, [0, 4].flatMap((at) => softmax(numbers(cube).slice(at, at + 4))))).toBeLessThan(1e-6); // prettier-ignore
    const late = await values({ op: "Softmax", opset: 13, inputs: [cube] });
    expect(distance(late, [0, 2, 4, 6].flatMap((at) => softmax(numbers(cube).slice(at, at + 2))))).toBeLessThan(1e-6); // prettier-ignore
  });

  it("takes an axis of the rank, and a negative one, in the early versions", async () => {
    const matrix = tensor([2, 2], [0, 1, 2, 3]);
    expect(await values({ op: "Softmax", opset: 7, attributes: { axis: 2 }, inputs: [matrix] })).toEqual([1, 1, 1, 1]);
    const last = await values({ op: "LogSoftmax", opset: 11, attributes: { axis: -1 }, inputs: [matrix] });
    expect(distance(last, [0, 1, 0, 1].map((v) => v - Math.log(1 + Math.E)))).toBeLessThan(1e-6); // prettier-ignore
  });

  it("gives one to the first largest in Hardmax", async () => {
    const inputs = [tensor([2, 3], [3, 3, 1, 0, 1, 2])];
    expect(await values({ op: "Hardmax", opset: 13, inputs })).toEqual([1, 0, 0, 0, 0, 1]);
    expect(await values({ op: "Hardmax", opset: 13, inputs: [tensor([2, 0], [])] })).toEqual([]);
    expect(await values({ op: "Hardmax", opset: 11, attributes: { axis: 0 }, inputs })).toEqual([1, 0, 0, 0, 0, 0]);
  });
});

it("lowers reductions to reduce, argReduce and softmax", async () => {
  const cases: readonly NodeCase[] = [
    { op: "ReduceL2", opset: 13, attributes: { axes: [0], keepdims: 0 }, inputs: [x] },
    { op: "ReduceMean", opset: 18, inputs: [tensor([2], [1, 2], "f16")] },
    { op: "ReduceMean", opset: 18, inputs: [tensor([2], [1, 2], "i64")] },
    { op: "ReduceLogSumExp", opset: 18, attributes: { keepdims: 0 }, inputs: [x, tensor([1], [1], "i64")], constants: [1] },
    { op: "ArgMax", opset: 13, inputs: [x] },
    { op: "Softmax", opset: 11, inputs: [ramp([2, 2, 2])] },
    { op: "Softmax", opset: 13, attributes: { axis: 1 }, inputs: [ramp([2, 2, 2])] },
    { op: "Hardmax", opset: 13, inputs: [x] },
    { op: "LpNormalization", opset: 22, attributes: { p: 1 }, inputs: [x] },
    { op: "MeanVarianceNormalization", opset: 13, attributes: { axes: [0] }, inputs: [x] },
    { op: "LRN", opset: 13, attributes: { size: 1, beta: float(1) }, inputs: [ramp([1, 2, 1, 1])] },
  ]; // prettier-ignore
  expect(await loweredTexts(cases)).toMatchGolden("operators/reductions.txt");
});
