import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import {
  distance,
  lowered,
  loweredTexts,
  type NodeCase,
  numbers,
  ramp,
  refusal,
  run,
  tensor,
  values,
} from "./node-case.ts";

const scalar = (value: number): TensorData => tensor([], [value], "i64");

/** Discrete Fourier transform of (re, im) pairs by its definition. */
function transform(signal: readonly (readonly [number, number])[], inverse = false): number[] {
  const n = signal.length;
  return signal.flatMap((_, k) => {
    let [re, im] = [0, 0];
    for (const [t, [a, b]] of signal.entries()) {
      const angle = ((inverse ? 2 : -2) * Math.PI * k * t) / n;
      re += a * Math.cos(angle) - b * Math.sin(angle);
      im += a * Math.sin(angle) + b * Math.cos(angle);
    }
    return inverse ? [re / n, im / n] : [re, im];
  });
}

const samples = Array.from({ length: 10 }, (_, i) => Math.sin(1 + i * i));
const pairs = Array.from({ length: 5 }, (_, i) => [samples[2 * i] ?? 0, samples[2 * i + 1] ?? 0] as const);

describe("DFT", () => {
  const dft = (x: TensorData, attributes: NodeCase["attributes"] = {}, more: Partial<NodeCase> = {}): NodeCase => ({
    op: "DFT",
    opset: 17,
    attributes,
    inputs: [x],
    ...more,
  });

  it("transforms real and complex signals", async () => {
    const real = tensor([1, 10, 1], samples);
    const expected = transform(samples.map((value) => [value, 0]));
    expect(distance(await values(dft(real)), expected)).toBeLessThan(1e-5);
    const half = await run(dft(real, { onesided: 1 }));
    expect(half[0]?.shape).toEqual([1, 6, 2]);
    expect(distance(numbers(half[0] as TensorData), expected.slice(0, 12))).toBeLessThan(1e-5);
    const complex = tensor([1, 5, 2], pairs.flat());
    expect(distance(await values(dft(complex)), transform(pairs))).toBeLessThan(1e-5);
    expect(distance(await values(dft(complex, { inverse: 1 })), transform(pairs, true))).toBeLessThan(1e-5);
  });

  it("comes back from a one-sided spectrum", async () => {
    for (const length of [9, 10]) {
      const signal = tensor([1, length, 1], samples.slice(0, length));
      const [spectrum] = await run(dft(signal, { onesided: 1 }));
      const inputs = [spectrum as TensorData, scalar(length), scalar(1)];
      const [back] = await run({
        op: "DFT",
        opset: 20,
        attributes: { onesided: 1, inverse: 1 },
        inputs,
        constants: [1, 2],
      });
      expect(back?.shape).toEqual([1, length, 1]);
      expect(distance(numbers(back as TensorData), samples.slice(0, length))).toBeLessThan(1e-5);
    }
  });

  it("cuts or fills the signal, along any axis but the last", async () => {
    const x = tensor([1, 10, 1], samples);
    const short = await values(dft(x, {}, { inputs: [x, scalar(4)], constants: [1] }));
    expect(distance(short, transform(samples.slice(0, 4).map((value) => [value, 0])))).toBeLessThan(1e-5);
    const long = await run(dft(x, {}, { inputs: [x, scalar(16)], constants: [1] }));
    expect(long[0]?.shape).toEqual([1, 16, 2]);
    const columns = await run({ op: "DFT", opset: 20, inputs: [ramp([3, 2, 1]), null, scalar(0)], constants: [2] });
    expect(columns[0]?.shape).toEqual([3, 2, 2]);
    expect(numbers(columns[0] as TensorData).slice(0, 4)).toEqual([6, 0, 9, 0]);
    expect(await refusal(dft(x, { axis: 2 }))).toContain("WSC3004");
    expect(await refusal(dft(ramp([1, 4, 3])))).toContain("WSC3004");
  });

  it("leaves very long transforms to the host", async () => {
    const graph = await lowered(dft(ramp([1, 4096, 1], 0)));
    expect(graph.ops.map((op) => (op.kind === "host" ? op.fn : op.kind))).toEqual(["dft"]);
  });
});

it("STFT transforms windowed frames", async () => {
  const x = tensor([1, 10, 1], samples);
  const window = tensor([4], [0.5, 1, 1, 0.5]);
  const spec: NodeCase = { op: "STFT", opset: 17, inputs: [x, scalar(3), window], constants: [1] };
  const [spectra] = await run(spec);
  expect(spectra?.shape).toEqual([1, 3, 3, 2]);
  const frame = samples.slice(3, 7).map((value, i) => [value * (numbers(window)[i] ?? 0), 0] as const);
  expect(distance(numbers(spectra as TensorData).slice(6, 12), transform(frame).slice(0, 6))).toBeLessThan(1e-5);
  const full = await run({
    op: "STFT",
    opset: 17,
    attributes: { onesided: 0 },
    inputs: [x, scalar(2), null, scalar(4)],
    constants: [1, 3],
  });
  expect(full[0]?.shape).toEqual([1, 4, 4, 2]);
  expect(await refusal({ ...spec, inputs: [x, scalar(0), window] })).toContain("WSC3004");
});

describe("windows and filters", () => {
  it.each([
    ["HannWindow", 1, [0, 0.5, 1, 0.5]],
    ["HannWindow", 0, [0, 0.75, 0.75, 0]],
    ["HammingWindow", 1, [2 / 23, 25 / 46, 1, 25 / 46]],
    ["BlackmanWindow", 1, [0, 0.34, 1, 0.34]],
  ])("%s, periodic %d", async (op, periodic, expected) => {
    const result = await values({ op, opset: 17, attributes: { periodic }, inputs: [scalar(4)], constants: [0] });
    expect(distance(result, expected)).toBeLessThan(1e-6);
  });

  it("are of one element or none, of any float type", async () => {
    const size = (n: number): NodeCase => ({
      op: "HannWindow",
      opset: 17,
      attributes: { periodic: 0, output_datatype: 11 },
      inputs: [scalar(n)],
      constants: [0],
    });
    expect((await run(size(1)))[0]).toMatchObject({ dtype: "f64", elements: Float64Array.of(1) });
    expect((await run(size(0)))[0]?.shape).toEqual([0]);
    expect(await refusal(size(-1))).toContain("WSC3004");
  });

  it("MelWeightMatrix is made of triangles", async () => {
    const inputs = [scalar(4), scalar(32), scalar(8000), tensor([], [100]), tensor([], [4000])];
    const [matrix] = await run({ op: "MelWeightMatrix", opset: 17, inputs, constants: [0, 1, 2, 3, 4] });
    expect(matrix?.shape).toEqual([17, 4]);
    const all = numbers(matrix as TensorData);
    for (let mel = 0; mel < 4; mel++) {
      const column = all.filter((_, i) => i % 4 === mel);
      expect(Math.max(...column)).toBe(1);
      const peak = column.indexOf(1);
      expect(column.slice(0, peak + 1)).toEqual([...column.slice(0, peak + 1)].sort((a, b) => a - b));
      expect(column.slice(peak)).toEqual([...column.slice(peak)].sort((a, b) => b - a));
    }
  });
});

describe("losses", () => {
  const scores = tensor([2, 3], [1, 2, 3, 1, 1, 1]);
  const logs = numbers(scores).map(
    (x, i) =>
      x - Math.log([0, 1, 2].reduce((sum, j) => sum + Math.exp(numbers(scores)[Math.floor(i / 3) * 3 + j] ?? 0), 0)),
  );
  const labels = tensor([2], [2, 0], "i64");
  const each = [-(logs[2] ?? 0), -(logs[3] ?? 0)] as const;
  const loss = (
    attributes: NodeCase["attributes"] = {},
    more: readonly TensorData[] = [],
    target = labels,
  ): NodeCase => ({
    op: "SoftmaxCrossEntropyLoss",
    opset: 13,
    attributes,
    inputs: [scores, target, ...more],
    outputs: 2,
  });

  it("are reduced as asked", async () => {
    const first = async (spec: NodeCase): Promise<number[]> => numbers((await run(spec))[0] as TensorData);
    expect(distance(await first(loss({ reduction: "none" })), each)).toBeLessThan(1e-6);
    expect(distance(await first(loss({ reduction: "sum" })), [each[0] + each[1]])).toBeLessThan(1e-6);
    expect(distance(await first(loss()), [(each[0] + each[1]) / 2])).toBeLessThan(1e-6);
    const weights = tensor([3], [2, 1, 5]);
    expect(distance(await first(loss({}, [weights])), [(5 * each[0] + 2 * each[1]) / 7])).toBeLessThan(1e-6);
  });

  it("leave out ignored samples, whose class need not exist", async () => {
    const [mean, probabilities] = await run(loss({ ignore_index: -100 }, [], tensor([2], [2, -100], "i64")));
    expect(distance(numbers(mean as TensorData), [each[0]])).toBeLessThan(1e-6);
    expect(distance(numbers(probabilities as TensorData), logs)).toBeLessThan(1e-6);
  });

  it("take log probabilities over more dims", async () => {
    const inputs = [ramp([1, 2, 3], -1, -1), tensor([1, 3], [0, 1, 0], "i32")];
    expect(
      await values({ op: "NegativeLogLikelihoodLoss", opset: 13, attributes: { reduction: "none" }, inputs }),
    ).toEqual([1, 5, 3]);
    expect(
      await refusal({
        op: "NegativeLogLikelihoodLoss",
        opset: 13,
        inputs: [ramp([2, 3]), labels],
        attributes: { reduction: "max" },
      }),
    ).toContain("WSC3006");
    expect(await refusal({ op: "NegativeLogLikelihoodLoss", opset: 13, inputs: [ramp([3, 3]), labels] })).toContain(
      "WSC3004",
    );
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "DFT", opset: 17, attributes: { onesided: 1 }, inputs: [ramp([1, 4, 1])] },
    { op: "STFT", opset: 17, inputs: [ramp([1, 8, 1]), scalar(2), ramp([4])], constants: [1] },
    {
      op: "SoftmaxCrossEntropyLoss",
      opset: 13,
      attributes: { ignore_index: 1 },
      inputs: [ramp([2, 3]), tensor([2], [2, 1], "i64")],
      outputs: 2,
    },
  ]);
  expect(text).toMatchGolden("operators/signal.txt");
});
