/** Operators that move strings take inputs with symbolic dims, in the main graph and in a branch. */
import { describe, expect, it } from "@jest/globals";
import { scalarTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import {
  bool,
  graph,
  ints,
  modelBytes,
  type ModelSpec,
  node,
  type NodeSpec,
  typed,
  unranked,
} from "../helpers/onnx-builder.ts";

const words = (...rows: readonly (readonly string[])[]): Tensor =>
  new Tensor("string", rows.flat(), [rows.length, rows[0]?.length ?? 0]);
const table = words(["pear", "fig", "ü"], ["plum", "", "kiwi"]);
const integers = (values: readonly number[], ...shape: readonly number[]): TensorData =>
  tensorFrom("i64", shape, values);

interface Case {
  readonly op: string;
  readonly attributes?: NodeSpec["attributes"];
  /** inputs behind the table, or before it where `first` says so; tensors are fed, the rest are constants */
  readonly more?: readonly (TensorData | Tensor)[];
  readonly first?: boolean;
  readonly result: readonly [dims: readonly number[], elements: readonly (string | number | bigint)[]];
  readonly type?: "bool" | "i64";
}

const cases: Readonly<Record<string, Case>> = {
  "Gather rows": {
    op: "Gather",
    more: [ints(1, 0)],
    result: [
      [2, 3],
      ["plum", "", "kiwi", "pear", "fig", "ü"],
    ],
  },
  "Gather a column": {
    op: "Gather",
    attributes: { axis: -1 },
    more: [scalarTensor("i64", 2n)],
    result: [[2], ["ü", "kiwi"]],
  },
  GatherElements: {
    op: "GatherElements",
    attributes: { axis: 1 },
    more: [integers([2, 0], 2, 1)],
    result: [
      [2, 1],
      ["ü", "plum"],
    ],
  },
  GatherND: { op: "GatherND", more: [integers([1, 2, 0, 0], 2, 2)], result: [[2], ["kiwi", "pear"]] },
  Concat: {
    op: "Concat",
    attributes: { axis: 1 },
    more: [words(["a"], ["b"])],
    result: [
      [2, 4],
      ["pear", "fig", "ü", "a", "plum", "", "kiwi", "b"],
    ],
  },
  "Concat with nothing": {
    op: "Concat",
    attributes: { axis: 0 },
    more: [new Tensor("string", [], [0, 7])],
    result: [[2, 3], [...(table.data as string[])]],
  },
  Where: {
    op: "Where",
    first: true,
    more: [new Tensor("bool", [true, false], [2, 1]), words(["?"])],
    result: [
      [2, 3],
      ["pear", "fig", "ü", "?", "?", "?"],
    ],
  },
  Slice: {
    op: "Slice",
    more: [ints(-1), ints(-9), ints(1), ints(-2)],
    result: [
      [2, 2],
      ["ü", "pear", "kiwi", "plum"],
    ],
  },
  Split: { op: "Split", attributes: { axis: 1 }, more: [ints(3)], result: [[2, 3], [...(table.data as string[])]] },
  Reshape: { op: "Reshape", more: [ints(3, -1)], result: [[3, 2], [...(table.data as string[])]] },
  Flatten: { op: "Flatten", attributes: { axis: 0 }, result: [[1, 6], [...(table.data as string[])]] },
  Transpose: {
    op: "Transpose",
    result: [
      [3, 2],
      ["pear", "plum", "fig", "", "ü", "kiwi"],
    ],
  },
  Unsqueeze: { op: "Unsqueeze", more: [ints(0, 3)], result: [[1, 2, 3, 1], [...(table.data as string[])]] },
  Expand: {
    op: "Expand",
    more: [ints(2, 1, 1)],
    result: [
      [2, 2, 3],
      [...(table.data as string[]), ...(table.data as string[])],
    ],
  },
  Tile: {
    op: "Tile",
    more: [ints(1, 2)],
    result: [
      [2, 6],
      ["pear", "fig", "ü", "pear", "fig", "ü", "plum", "", "kiwi", "plum", "", "kiwi"],
    ],
  },
  ScatterElements: {
    op: "ScatterElements",
    attributes: { axis: 1 },
    more: [integers([1], 1, 1), words(["new"])],
    result: [
      [2, 3],
      ["pear", "new", "ü", "plum", "", "kiwi"],
    ],
  },
  ScatterND: {
    op: "ScatterND",
    more: [integers([1], 1, 1), words(["a", "b", "c"])],
    result: [
      [2, 3],
      ["pear", "fig", "ü", "a", "b", "c"],
    ],
  },
  Compress: {
    op: "Compress",
    attributes: { axis: 1 },
    more: [new Tensor("bool", [true, false, true], [3])],
    result: [
      [2, 2],
      ["pear", "ü", "plum", "kiwi"],
    ],
  },
  Equal: {
    op: "Equal",
    more: [words(["pear", "", ""])],
    type: "bool",
    result: [
      [2, 3],
      [1, 0, 0, 0, 1, 0],
    ],
  },
  Shape: { op: "Shape", type: "i64", result: [[2], [2n, 3n]] },
};

const dtypes = { string: "string", bool: "bool" } as const;

function specOf({ op, attributes, more = [], first = false, type }: Case, inBranch: boolean): ModelSpec {
  const named = more.map((value, i): readonly [string, TensorData | Tensor] => [`m${i}`, value]);
  const names = named.map(([name]) => name);
  const inputs = first ? [...names.slice(0, 1), "table", ...names.slice(1)] : ["table", ...names];
  const fed = named.flatMap(([name, value]) => {
    const dims = value instanceof Tensor ? value.dims.map((_, axis) => `${name}_${axis}`) : null;
    return dims === null ? [] : [[name, typed(dtypes[(value as Tensor).type as "string"], ...dims)] as const];
  });
  const direct = node(op, inputs, ["y"], attributes);
  const branch = (): ReturnType<typeof graph> =>
    graph({ outputs: { o: null }, nodes: [node(op, inputs, ["o"], attributes)] });
  return {
    opset: 19,
    inputs: { table: typed("string", "rows", "columns"), yes: bool(), ...Object.fromEntries(fed) },
    outputs: { y: unranked(type ?? "string") },
    nodes: inBranch ? [node("If", ["yes"], ["y"], { then_branch: branch(), else_branch: branch() })] : [direct],
    initializers: Object.fromEntries(
      named.filter((entry): entry is readonly [string, TensorData] => !(entry[1] instanceof Tensor)),
    ),
  };
}

describe.each([
  ["a graph", false],
  ["a branch", true],
])("strings in %s", (_, inBranch) => {
  it.each(Object.entries(cases))("%s", async (_name, given) => {
    const session = await InferenceSession.create(await modelBytes(specOf(given, inBranch)));
    const fed = (given.more ?? []).flatMap((value, i) => (value instanceof Tensor ? [[`m${i}`, value] as const] : []));
    const { y } = await session.run({ table, yes: new Tensor("bool", [true], []), ...Object.fromEntries(fed) });
    expect([y?.dims, Array.from(y?.data as ArrayLike<string>)]).toEqual(given.result);
  });
});

it("OneHot takes its two values from strings", async () => {
  const session = await InferenceSession.create(
    await modelBytes({
      opset: 17,
      inputs: { at: typed("i64", "n") },
      outputs: { y: unranked("string") },
      nodes: [node("OneHot", ["at", "depth", "values"], ["y"])],
      initializers: { depth: scalarTensor("i64", 3n), values: tensorFrom("string", [2], ["off", "on"]) },
    }),
  );
  const { y } = await session.run({ at: new Tensor("int64", [2, -3], [2]) });
  expect([y?.dims, y?.data]).toEqual([
    [2, 3],
    ["off", "off", "on", "on", "off", "off"],
  ]);
});
