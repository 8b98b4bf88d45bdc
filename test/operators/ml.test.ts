import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { float, floatList } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, ramp, refusal, run, tensor, values } from "./node-case.ts";

const domain = "ai.onnx.ml";
const strings = (...elements: readonly string[]): TensorData => ({
  dtype: "string",
  shape: [elements.length],
  elements,
});
const f32 = (...list: readonly number[]): TensorData => tensor([list.length], list);
const i64 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i64");

describe("encoders", () => {
  it("LabelEncoder looks keys up, in lists and in tensors", async () => {
    const attributes = { keys_strings: ["a", "b"], values_int64s: [7, 8], default_int64: -5 };
    const [codes] = await run({ op: "LabelEncoder", opset: 2, domain, attributes, inputs: [strings("b", "x", "a")] });
    expect(codes).toMatchObject({ dtype: "i64", elements: BigInt64Array.of(8n, -5n, 7n) });
    const tensors = {
      keys_tensor: i64(1, 2),
      values_tensor: tensor([2], [0.5, 1.5], "f64"),
      default_tensor: tensor([1], [9], "f64"),
    };
    const [floats] = await run({ op: "LabelEncoder", opset: 4, domain, attributes: tensors, inputs: [i64(2, 3)] });
    expect(floats).toMatchObject({ dtype: "f64", elements: Float64Array.of(1.5, 9) });
  });

  it("LabelEncoder takes the first of equal keys, and NaN from version 4 on", async () => {
    const keys = { keys_int64s: [1, 2, 1], values_int64s: [5, 6, 7] };
    const found = (opset: number, attributes: NodeCase["attributes"], x: TensorData): Promise<number[]> =>
      values({ op: "LabelEncoder", opset, domain, attributes: attributes ?? {}, inputs: [x] });
    for (const opset of [2, 4]) expect(await found(opset, keys, i64(1, 2, 3))).toEqual([5, 6, -1]);
    const floats = { keys_floats: floatList(NaN, 0, -0, NaN), values_int64s: [5, 6, 7, 8] };
    expect(await found(2, floats, f32(NaN, 0, -0, 1))).toEqual([-1, 6, 6, -1]);
    expect(await found(4, floats, f32(NaN, 0, -0, 1))).toEqual([5, 6, 6, -1]);
  });

  it("OneHotEncoder without zeros takes categories only", async () => {
    const of = (...list: readonly number[]): NodeCase => ({
      op: "OneHotEncoder",
      opset: 1,
      domain,
      attributes: { cats_int64s: [3, 1], zeros: 0 },
      inputs: [i64(...list)],
    });
    expect(await values(of(1, 3))).toEqual([0, 1, 1, 0]);
    await expect(run(of(1, 2))).rejects.toThrow(/WSC7005: "2" is none of its 2 categories/);
  });

  it("LabelEncoder-1 and CategoryMapper go between names and numbers", async () => {
    const first: NodeCase = {
      op: "LabelEncoder",
      opset: 1,
      domain,
      attributes: { classes_strings: ["x", "y"] },
      inputs: [strings("y", "z")],
    };
    expect(await values(first)).toEqual([1, -1]);
    const attributes = { cats_strings: ["x", "y"], cats_int64s: [10, 20], default_string: "?" };
    const [names] = await run({ op: "CategoryMapper", opset: 1, domain, attributes, inputs: [i64(20, 5)] });
    expect(names?.elements).toEqual(["y", "?"]);
  });

  it("OneHotEncoder adds an axis", async () => {
    const [hot] = await run({
      op: "OneHotEncoder",
      opset: 1,
      domain,
      attributes: { cats_int64s: [3, 1] },
      inputs: [i64(1, 2, 3)],
    });
    expect(hot).toMatchObject({ dtype: "f32", shape: [3, 2], elements: Float32Array.of(0, 1, 0, 0, 1, 0) });
  });

  it("need keys and values of one length and the input's type", async () => {
    const encoder = (attributes: NodeCase["attributes"]): NodeCase => ({
      op: "LabelEncoder",
      opset: 2,
      domain,
      attributes: attributes ?? {},
      inputs: [strings("a")],
    });
    expect(await refusal(encoder({ keys_strings: ["a"], values_int64s: [1, 2] }))).toContain("WSC3006");
    expect(await refusal(encoder({ keys_int64s: [1], values_int64s: [1] }))).toContain("WSC3005");
    expect(await refusal(encoder({ keys_strings: ["a"] }))).toContain("WSC3006");
  });
});

describe("columns", () => {
  const x = tensor([2, 2], [1, -2, 3, 4]);
  const of = (op: string, attributes: NodeCase["attributes"], inputs: NodeCase["inputs"] = [x]): NodeCase => ({
    op,
    opset: 1,
    domain,
    attributes: attributes ?? {},
    inputs,
  });

  it("Binarizer, Scaler, Imputer", async () => {
    expect(await values(of("Binarizer", { threshold: float(1) }))).toEqual([0, 0, 1, 1]);
    expect(await values(of("Scaler", { offset: floatList(1, 2), scale: floatList(2) }))).toEqual([0, -8, 4, 4]);
    const missing = [tensor([2, 2], [1, NaN, NaN, 4])];
    const imputed = { imputed_value_floats: floatList(7, 8), replaced_value_float: float(NaN) };
    expect(await values(of("Imputer", imputed, missing))).toEqual([1, 8, 7, 4]);
    expect(await values(of("Imputer", { imputed_value_int64s: [9], replaced_value_int64: 1 }, [i64(1, 2)]))).toEqual([
      9, 2,
    ]);
    expect(await refusal(of("Scaler", { offset: floatList(1, 2, 3) }))).toContain("WSC3006");
    expect(await refusal(of("Imputer", {}))).toContain("WSC3006");
  });

  it.each([
    ["MAX", [1, -2, 0.75, 1]],
    ["L1", [1 / 3, -2 / 3, 3 / 7, 4 / 7]],
    ["L2", [1 / Math.sqrt(5), -2 / Math.sqrt(5), 0.6, 0.8]],
  ])("Normalizer %s", async (norm, expected) => {
    expect(distance(await values(of("Normalizer", { norm })), expected)).toBeLessThan(1e-6);
  });

  it("FeatureVectorizer and LinearRegressor", async () => {
    expect(await values(of("FeatureVectorizer", {}, [x, tensor([2, 1], [5, 6], "i64")]))).toEqual([1, -2, 5, 3, 4, 6]);
    const linear = { coefficients: floatList(1, 10, 0, 1), intercepts: floatList(0.5, 0), targets: 2 };
    expect(await values(of("LinearRegressor", linear))).toEqual([-18.5, -2, 43.5, 4]);
    expect(await refusal(of("LinearRegressor", { coefficients: floatList(1) }))).toContain("WSC3006");
    expect(await refusal(of("LinearRegressor", { coefficients: floatList(1, 2), post_transform: "ODD" }))).toContain(
      "WSC3006",
    );
  });

  it.each([
    // onnxruntime 1.30
    ["NONE", [1, 0, -2]],
    ["LOGISTIC", [0.7310586, 0.5, 0.1192029]],
    ["SOFTMAX", [0.7053845, 0.2594965, 0.035119]],
    ["SOFTMAX_ZERO", [0.9525741, 0, 0.0474259]],
  ] as const)("transform scores: %s", async (post_transform, expected) => {
    const attributes = { coefficients: floatList(1, 0, -2), targets: 3, post_transform };
    const found = await values(of("LinearRegressor", attributes, [tensor([1, 1], [1])]));
    expect(distance(found, expected)).toBeLessThan(1e-6);
  });

  it("transform scores: PROBIT is the normal distribution's quantile", async () => {
    const attributes = { coefficients: floatList(0.5, 0.975), targets: 2, post_transform: "PROBIT" };
    const found = await values(of("LinearRegressor", attributes, [tensor([1, 1], [1])]));
    expect(distance(found, [0, 1.96])).toBeLessThan(0.01);
  });

  it("Normalizer leaves a row without a norm as it is", async () => {
    const rows = tensor([2, 2], [0, -1, 0, 0]);
    expect(await values(of("Normalizer", { norm: "MAX" }, [rows]))).toEqual([0, -1, 0, 0]);
    expect(await values(of("Normalizer", { norm: "L2" }, [rows]))).toEqual([0, -1, 0, 0]);
  });
});

describe("FeatureVectorizer and Imputer", () => {
  it.each<[number[], number[][]]>([
    [
      [3, 2],
      [
        [0, 1, 2, 10, 11],
        [3, 4, 5, 12, 13],
      ],
    ],
    [
      [2, 1],
      [
        [0, 1, 10],
        [3, 4, 12],
      ],
    ],
    [
      [4, 3],
      [
        [0, 1, 2, 0, 10, 11, 0],
        [3, 4, 5, 0, 12, 13, 0],
      ],
    ],
  ])("cut and fill columns to %j", async (inputdimensions, rows) => {
    const inputs = [ramp([2, 3]), ramp([2, 2], 1, 10)];
    const spec: NodeCase = { op: "FeatureVectorizer", opset: 1, domain, attributes: { inputdimensions }, inputs };
    expect(await values(spec)).toEqual(rows.flat());
  });

  it("take further axes for columns", async () => {
    const inputs = [ramp([2, 2, 2]), ramp([2, 1], 1, 10)];
    const spec: NodeCase = {
      op: "FeatureVectorizer",
      opset: 1,
      domain,
      attributes: { inputdimensions: [3, 1] },
      inputs,
    };
    expect(await values(spec)).toEqual([0, 1, 2, 10, 4, 5, 6, 11]);
    expect(await refusal({ ...spec, attributes: { inputdimensions: [3] } })).toMatch(/WSC3006: .*\[3\] for 2 inputs/);
  });

  it("take the first value where there is none for each column", async () => {
    const imputed = (shape: readonly number[], ...imputed_value_floats: readonly number[]): Promise<number[]> =>
      values({
        op: "Imputer",
        opset: 1,
        domain,
        attributes: { imputed_value_floats: floatList(...imputed_value_floats), replaced_value_float: float(0) },
        inputs: [tensor(shape, new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0))],
      });
    expect(await imputed([2, 3], 7, 8, 9)).toEqual([7, 8, 9, 7, 8, 9]);
    expect(await imputed([2, 3], 7, 8)).toEqual([7, 7, 7, 7, 7, 7]);
    expect(await imputed([1, 2, 3], 7, 8)).toEqual([7, 8, 7, 8, 7, 8]);
  });
});

describe("trees", () => {
  /** x0 <= 1 ? (x1 < 5 ? 10 for target 0 : 20 for target 1) : 30 for target 0 */
  const ensemble = {
    n_targets: 2,
    nodes_featureids: [0, 1],
    nodes_modes: tensor([2], [0, 1], "u8"),
    nodes_splits: f32(1, 5),
    nodes_truenodeids: [1, 0],
    nodes_trueleafs: [0, 1],
    nodes_falsenodeids: [2, 1],
    nodes_falseleafs: [1, 1],
    leaf_targetids: [0, 1, 0],
    leaf_weights: f32(10, 20, 30),
    tree_roots: [0],
  };
  const x = tensor([3, 2], [1, 4, 0, 5, 2, 0]);
  const spec = (attributes: NodeCase["attributes"]): NodeCase => ({
    op: "TreeEnsemble",
    opset: 5,
    domain,
    attributes: attributes ?? {},
    inputs: [x],
  });

  it("lead each row to a leaf", async () => {
    expect(await values(spec(ensemble))).toEqual([10, 0, 0, 20, 30, 0]);
    const twice = { ...ensemble, tree_roots: [0, 0] };
    expect(await values(spec(twice))).toEqual([20, 0, 0, 40, 60, 0]);
    expect(await values(spec({ ...twice, aggregate_function: 0 }))).toEqual([10, 0, 0, 20, 30, 0]);
    expect(await values(spec({ ...twice, aggregate_function: 3 }))).toEqual([10, 0, 0, 20, 30, 0]);
  });

  it("test for membership in a set", async () => {
    const members = {
      ...ensemble,
      nodes_modes: tensor([2], [6, 1], "u8"),
      nodes_splits: f32(0, 5),
      membership_values: f32(2, 0, NaN),
    };
    expect(await values(spec(members))).toEqual([30, 0, 0, 20, 10, 0]);
    expect(await values(spec({ ...members, membership_values: f32(NaN) }))).toEqual([30, 0, 30, 0, 30, 0]);
    const more = { ...members, membership_values: f32(9, 2, 8, 0, 7, NaN) };
    expect(await values(spec(more))).toEqual(await values(spec(members)));
  });

  it("refuse nodes that do not form trees", async () => {
    expect(await refusal(spec({ ...ensemble, nodes_trueleafs: [0, 0] }))).toContain("cycle");
    expect(await refusal(spec({ ...ensemble, nodes_falsenodeids: [9, 1] }))).toContain("no tree node");
    expect(await refusal(spec({ ...ensemble, nodes_splits: f32(1) }))).toContain("WSC3006");
    expect(await refusal(spec({ ...ensemble, leaf_targetids: [0, 7, 0] }))).toContain("target");
    expect(await refusal(spec({ ...ensemble, nodes_featureids: [2, 1] }))).toContain("feature 2");
    expect(await refusal(spec({ ...ensemble, post_transform: 9 }))).toContain("WSC3006");
  });

  it("were written down by node ids before", async () => {
    const attributes = {
      n_targets: 1,
      nodes_treeids: [0, 0, 0],
      nodes_nodeids: [0, 1, 2],
      nodes_featureids: [0, 0, 0],
      nodes_modes: ["BRANCH_GT", "LEAF", "LEAF"],
      nodes_values: floatList(0.5, 0, 0),
      nodes_truenodeids: [1, 0, 0],
      nodes_falsenodeids: [2, 0, 0],
      nodes_missing_value_tracks_true: [1, 0, 0],
      target_treeids: [0, 0],
      target_nodeids: [1, 2],
      target_ids: [0, 0],
      target_weights: floatList(5, -5),
      base_values: floatList(100),
    };
    const inputs = [tensor([3, 1], [1, 0, NaN])];
    const regressor: NodeCase = { op: "TreeEnsembleRegressor", opset: 1, domain, attributes, inputs };
    expect(await values(regressor)).toEqual([105, 95, 105]);
    expect(
      await refusal({ ...regressor, attributes: { ...attributes, nodes_modes: ["BRANCH_ODD", "LEAF", "LEAF"] } }),
    ).toContain("BRANCH_ODD");
    expect(await refusal({ ...regressor, attributes: { ...attributes, target_nodeids: [1, 9] } })).toContain(
      "no node 9",
    );
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    {
      op: "LabelEncoder",
      opset: 2,
      domain,
      attributes: { keys_int64s: [1, 2], values_strings: ["a", "b"] },
      inputs: [i64(1)],
    },
    { op: "Normalizer", opset: 1, domain, attributes: { norm: "L2" }, inputs: [ramp([2, 3])] },
    {
      op: "TreeEnsembleRegressor",
      opset: 1,
      domain,
      attributes: {
        nodes_treeids: [0, 0, 0],
        nodes_nodeids: [0, 1, 2],
        nodes_featureids: [1, 0, 0],
        nodes_modes: ["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values: floatList(0.5, 0, 0),
        nodes_truenodeids: [1, 0, 0],
        nodes_falsenodeids: [2, 0, 0],
        target_treeids: [0, 0],
        target_nodeids: [1, 2],
        target_ids: [0, 0],
        target_weights: floatList(5, -5),
      },
      inputs: [ramp([2, 3])],
    },
  ]);
  expect(text).toMatchGolden("operators/ml.txt");
});
