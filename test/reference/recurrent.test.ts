import { describe, expect, it } from "@jest/globals";
import { arg, unary } from "../../ir/expr.ts";
import { f32, noise, numbers, runAll, tensor } from "./tensors.ts";
import { nth } from "../../runtime/reference/access.ts";

const sigmoid = unary("sigmoid", arg(0));
const tanh = unary("tanh", arg(0));
const s = (x: number): number => 1 / (1 + Math.exp(-x));
const base = { kind: "recurrent", reverse: false, hasLengths: false, clip: null, linearBeforeReset: false, inputForget: false } as const; // prettier-ignore
const zeros = (...shape: number[]) => f32(new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0), shape);

describe("rnn", () => {
  const op = { ...base, cell: "rnn", activations: [tanh] } as const;

  it("feeds its state back", () => {
    const [y, last] = runAll(op, f32([1, 2], [2, 1, 1]), f32([0.5], [1, 1]), f32([2], [1, 1]), f32([0.1, 0.2]), f32([0.3], [1, 1])); // prettier-ignore
    const first = Math.tanh(0.5 + 0.1 + 2 * 0.3 + 0.2);
    const second = Math.tanh(1 + 0.1 + 2 * first + 0.2);
    expect(numbers(y)[0]).toBeCloseTo(first, 6);
    expect(numbers(y)[1]).toBeCloseTo(second, 6);
    expect(numbers(last)[0]).toBe(numbers(y)[1]);
  });

  it("stops each sample at its length and leaves zeros behind", () => {
    const x = noise([3, 2, 2], 1);
    const operands = [noise([2, 2], 2), noise([2, 2], 3), zeros(4), zeros(2, 2)] as const;
    const [whole] = runAll(op, x, ...operands);
    const [cut, last] = runAll({ ...op, hasLengths: true }, x, ...operands, tensor("i32", [3, 1]));
    const [all, kept] = [numbers(whole), numbers(cut)];
    expect(kept.slice(0, 4)).toEqual(all.slice(0, 4));
    expect([kept[6], kept[7], kept[10], kept[11]]).toEqual([0, 0, 0, 0]);
    expect(numbers(last)).toEqual([all[8], all[9], all[2], all[3]]);
  });

  it("in reverse equals forwards over the reversed input", () => {
    const x = noise([3, 1, 2], 4);
    const operands = [noise([2, 2], 5), noise([2, 2], 6), noise([4], 7), noise([1, 2], 8)] as const;
    const flipped = f32([2, 1, 0].flatMap((t) => numbers(x).slice(2 * t, 2 * t + 2)), [3, 1, 2]); // prettier-ignore
    const [backwards, last] = runAll({ ...op, reverse: true }, x, ...operands);
    const [forwards, end] = runAll(op, flipped, ...operands);
    expect([2, 1, 0].flatMap((t) => numbers(backwards).slice(2 * t, 2 * t + 2))).toEqual(numbers(forwards));
    expect(last).toEqual(end);
  });
});

describe("lstm", () => {
  const op = { ...base, cell: "lstm", activations: [sigmoid, tanh, tanh] } as const;
  const [w, r, b, p] = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08], [0.9, 1, 1.1]]; // prettier-ignore
  const [x, h0, c0] = [2, 0.3, -0.4];
  const operands = [f32([x], [1, 1, 1]), f32(w, [4, 1]), f32(r, [4, 1]), f32(b), f32([h0], [1, 1]), f32([c0], [1, 1]), f32(p)]; // prettier-ignore
  const gate = (i: number): number => nth(w, i) * x + nth(r, i) * h0 + nth(b, i) + nth(b, i + 4);

  it("computes its gates in the order i, o, f, c with peepholes", () => {
    const [y, h, c] = runAll(op, ...operands);
    const [input, forget] = [s(gate(0) + nth(p, 0) * c0), s(gate(2) + nth(p, 2) * c0)];
    const cell = forget * c0 + input * Math.tanh(gate(3));
    const output = s(gate(1) + nth(p, 1) * cell);
    expect(numbers(c)[0]).toBeCloseTo(cell, 6);
    expect(numbers(h)[0]).toBeCloseTo(output * Math.tanh(cell), 6);
    expect(y.elements).toEqual(h.elements);
  });

  it("couples input and forget gates", () => {
    const [, , c] = runAll({ ...op, inputForget: true }, ...operands);
    const input = s(gate(0) + nth(p, 0) * c0);
    expect(numbers(c)[0]).toBeCloseTo((1 - input) * c0 + input * Math.tanh(gate(3)), 6);
  });

  it("clips what enters the gates", () => {
    const [, , c] = runAll({ ...op, clip: 0.2 }, ...operands);
    expect(numbers(c)[0]).toBeCloseTo(s(0.2) * c0 + s(Math.min(0.2, gate(0) + nth(p, 0) * c0)) * Math.tanh(0.2), 6);
  });
});

describe("gru", () => {
  const op = { ...base, cell: "gru", activations: [sigmoid, tanh] } as const;
  const [w, r, b] = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]]; // prettier-ignore
  const [x, h0] = [2, 0.7];
  const operands = [f32([x], [1, 1, 1]), f32(w, [3, 1]), f32(r, [3, 1]), f32(b), f32([h0], [1, 1])];
  const gate = (i: number): number => nth(w, i) * x + nth(r, i) * h0 + nth(b, i) + nth(b, i + 3);

  it("resets before or after the recurrent product", () => {
    const [update, reset] = [s(gate(0)), s(gate(1))];
    const before = Math.tanh(nth(w, 2) * x + nth(r, 2) * (reset * h0) + nth(b, 2) + nth(b, 5));
    const after = Math.tanh(nth(w, 2) * x + nth(b, 2) + reset * (nth(r, 2) * h0 + nth(b, 5)));
    const [, first] = runAll(op, ...operands);
    const [, second] = runAll({ ...op, linearBeforeReset: true }, ...operands);
    expect(numbers(first)[0]).toBeCloseTo((1 - update) * before + update * h0, 6);
    expect(numbers(second)[0]).toBeCloseTo((1 - update) * after + update * h0, 6);
  });
});
