import { describe, expect, it } from "@jest/globals";
import { WscError } from "../../ir/diagnostic.ts";
import { type DType, dtypeInfo, dtypeTable } from "../../ir/dtype.ts";
import { type Graph, tensorType, type Value } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { makeTensor, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { opKinds } from "../../ir/text/attributes.ts";
import { constantBlobs } from "../../ir/text/constant.ts";
import { graphOfEveryKind } from "./every-kind.ts";
import { defined } from "./defined.ts";

const graphOf = (...values: readonly Value[]): Graph => ({ name: "g", values, inputs: [], outputs: [], ops: [] });
const constantOf = (constant: TensorData, name = ""): Value => ({
  type: tensorType(constant.dtype, constant.shape),
  name,
  constant,
});

function expectRoundTrip(graph: Graph): string {
  const text = printGraph(graph);
  const back = parseGraph(text, constantBlobs(graph));
  expect(back).toEqual(graph);
  expect(printGraph(back)).toBe(text);
  return text;
}

function parseError(text: string): string {
  try {
    parseGraph(text);
  } catch (error) {
    if (error instanceof WscError) return error.message;
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("a graph of every kind", () => {
  it("reads as in the golden file", () => {
    expect(printGraph(graphOfEveryKind())).toMatchGolden("ir/every-kind.ir");
  });

  it("has every kind", () => {
    const kinds = new Set(graphOfEveryKind().ops.map((op) => op.kind));
    expect([...kinds].sort()).toEqual([...opKinds].sort());
  });

  it("survives printing and parsing", () => {
    expectRoundTrip(graphOfEveryKind());
  });
});

describe("constants", () => {
  const textOf = (constant: TensorData): string => {
    const [, line] = expectRoundTrip(graphOf(constantOf(constant))).split("\n");
    return defined(line).trim();
  };

  it.each(dtypeTable.map((info) => info.dtype))("of %s survive", (dtype) => {
    const { class: cls } = dtypeInfo(dtype);
    const slots = cls === "complex" ? 6 : 3;
    const values = cls === "string" ? ["", "a\u0000b", "__proto__"] : Array.from({ length: slots }, (_, i) => i % 2);
    textOf(tensorFrom(dtype, [3], values));
    textOf(tensorFrom(dtype, [0, 2], []));
  });

  it("show numbers shortly and exactly", () => {
    const f32 = tensorFrom("f32", [7], [0.1, -0, NaN, Infinity, -Infinity, 1 / 3, 16_777_216]);
    expect(textOf(f32)).toBe("%0 = constant [0.1, -0, nan, inf, -inf, 0.33333334, 16777216] : f32[7]");
    expect(textOf(tensorFrom("f64", [2], [0.1, 1 / 3]))).toBe("%0 = constant [0.1, 0.3333333333333333] : f64[2]");
    const big = tensorFrom("i64", [2], [-(2n ** 63n), 2n ** 63n - 1n]);
    expect(textOf(big)).toBe("%0 = constant [-9223372036854775808, 9223372036854775807] : i64[2]");
    expect(textOf(makeTensor("f16", [3], Uint16Array.of(0x3c00, 0x0001, 0xfc00)))).toBe("%0 = constant [1, 5.960464477539063e-8, -inf] : f16[3]"); // prettier-ignore
  });

  it("of every small float pattern survive", () => {
    for (const dtype of ["f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0"] as const) {
      const rows = Array.from({ length: 8 }, (_, row) => Uint8Array.from({ length: 32 }, (_, i) => row * 32 + i));
      expectRoundTrip(graphOf(...rows.map((row) => constantOf(makeTensor(dtype, [32], row)))));
    }
  });

  it("keep the payload of a NaN", () => {
    const odd = makeTensor("f32", [1], new Float32Array(Uint32Array.of(0x7fc0_1234).buffer));
    const graph = graphOf(constantOf(odd));
    const back = defined(parseGraph(printGraph(graph), constantBlobs(graph)).values[0]?.constant);
    expect(new Uint32Array((back.elements as Float32Array).buffer)[0]).toBe(0x7fc0_1234);
  });

  it("of many elements become blobs, told apart by type and content", () => {
    const ones = (dtype: DType, shape: readonly number[]): TensorData => tensorFrom(dtype, shape, new Array<number>(64).fill(1)); // prettier-ignore
    const other = ones("f32", [64]);
    (other.elements as Float32Array)[63] = 2;
    const tensors = [ones("f32", [64]), ones("f32", [8, 8]), ones("i32", [64]), ones("u8", [64]), other];
    const graph = graphOf(...tensors.map((tensor) => constantOf(tensor)));
    expectRoundTrip(graph);
    expect(constantBlobs(graph).size).toBe(5);
    const again = graphOf(...tensors.map((t) => constantOf({ ...t, elements: t.elements.slice() })));
    expect(printGraph(again)).toBe(printGraph(graph));
  });

  it("stay names where their data is not given", () => {
    const graph = graphOf(constantOf(tensorFrom("f32", [40], new Array<number>(40).fill(1)), "w"));
    const back = parseGraph(printGraph(graph));
    expect(back.values[0]).toEqual({
      type: tensorType("f32", [40]),
      name: "w",
      resource: [...constantBlobs(graph).keys()][0],
    });
    expect(printGraph(back)).toBe(printGraph(graph));
  });

  it("must be of the type that the text says", () => {
    const blob = makeTensor("f32", [1]);
    const text = 'graph "g" {\n  %0 = constant blob "x" : f32[2]\n}';
    expect(() => parseGraph(text, new Map([["x", blob]]))).toThrow("2:22: the blob is f32[1], not f32[2]");
  });
});

describe("names", () => {
  const hostile = ["", "__proto__", 'quote " \\ \n \u0000', "日本 \ud800", "%1 = input", "a".repeat(1000), "// x"];

  it.each(hostile)("%j survives everywhere", (name) => {
    const type = tensorType("f32", []);
    const dynamic = { kind: "dynamic", dtype: "f32", dims: [name, 3] } as const;
    const graph: Graph = {
      name,
      values: [
        { type, name },
        { type, name: "other" },
        { type: dynamic, name },
      ],
      inputs: [{ name, value: 0 }, { name, value: 1 }], // prettier-ignore
      outputs: [{ name, value: 2 }],
      ops: [{ kind: "host", fn: name, attributes: Object.fromEntries([[name, name]]), reason: name, inputs: [1, 0], outputs: [2], origin: [name, name] }], // prettier-ignore
    };
    expectRoundTrip(graph);
  });
});

describe("text that is refused", () => {
  it.each([
    ["", '1:1: expected "graph", found the end of the text'],
    ['graph "g" {', '1:12: expected "%", "output" or "}", found the end of the text'],
    ['graph "g" {} x', '1:14: expected the end of the text, found "x"'],
    ['graph "g" { %1 = input "x" : f32[] }', '1:36: expected a definition of %0, for numbers without gaps, found "}"'],
    ['graph "g" { %0 = input "x" : f33[] }', '1:30: expected an element type, found "f33"'],
    ['graph "g" { %0 = input "x" : f32[-1] }', "1:34: expected a size, found -1"],
    ['graph "g" { %0 = frobnicate() : f32[] }', '1:18: there is no op "frobnicate"'],
    ['graph "g" { %0 = map(%0) { $0 } : f32[] }', "1:22: %0 is not defined before"],
    ['graph "g" { %0 = input "x" : f32[]\n%0 = input "x" : f32[] }', "2:1: %0 is defined twice"],
    ['graph "g" { %0 = constant [300] : u8[1] }', "1:28: 300 does not fit u8"],
    ['graph "g" { %0 = constant [1, 2] : u8[1] }', "1:27: expected 1 elements for u8[1], found 2"],
    ['graph "g" { %0 = constant [1.5] : i8[1] }', "1:28: expected an element of type i8, found 1.5"],
    ['graph "g" { %0 = input "x" : f32[] %1 = map(%0) { tan($0, $0) } : f32[] }', "1:54: expected 1 operands, found 2"],
    ['graph "g" { %0 = input "x" : f32[] %1 = map(%0) { foo($0) } : f32[] }', '1:51: there is no function "foo"'],
    ['graph "g" { %0 = input "x" : f32[2] %1 = softmax(%0) {axis = 0} : f32[2] }', '1:63: expected ",", found "}"'],
    [
      'graph "g" { %0 = input "x" : f32[2] %1 = softmax(%0) {log = true} : f32[2] }',
      '1:55: expected "axis", found "log"',
    ],
    ['graph "g" { %0 = input "x" : f32[2], f32[2] }', '1:36: expected "%", "output" or "}", found ","'],
    ['graph "g" { %0, %1 = input "x" : f32[2] }', '1:22: there is no op "input"'],
  ])("%s", (text, message) => {
    expect(parseError(text)).toBe(`error WSC2007: ${message}`);
  });

  it("nests without end", () => {
    expect(parseError(`graph "g" { %0 = input "x" : ${"sequence<".repeat(1e5)}`)).toContain("levels of nesting");
    expect(parseError(`graph "g" { %0 = input "x" : f32[] %1 = map(%0) { ${"neg(".repeat(1e5)}`)).toContain("levels of nesting"); // prettier-ignore
  });
});

it("prints malformed graphs for people to look at", () => {
  const type = tensorType("f32", []);
  const graph: Graph = {
    ...graphOf({ type, name: "lost" }),
    ops: [{ kind: "reshape", shape: [], inputs: [7], outputs: [9], origin: [] }],
  };
  expect(printGraph(graph)).toBe(
    'graph "g" {\n  %9 = reshape(%7) {shape = []} : ?\n  %0 "lost" = undefined : f32[]\n}\n',
  );
});

it("prints and parses ten thousand ops in a chain", () => {
  const values = Array.from({ length: 10_001 }, () => ({ type: tensorType("f32", [2]), name: "" }));
  const ops = Array.from({ length: 10_000 }, (_, i) => ({ kind: "transpose", perm: [0], inputs: [i], outputs: [i + 1], origin: ["n"] }) as const); // prettier-ignore
  const graph: Graph = {
    name: "chain",
    values,
    inputs: [{ name: "", value: 0 }],
    outputs: [{ name: "y", value: 10_000 }],
    ops,
  };
  expect(parseGraph(printGraph(graph))).toEqual(graph);
});
