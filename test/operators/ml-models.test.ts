import { describe, expect, it } from "@jest/globals";
import { tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { randomNumbers } from "../codegen/harness.ts";
import { floatList, type NodeSpec } from "../helpers/onnx-builder.ts";
import { agreesWithOracle } from "./ml-case.ts";
import { type NodeCase, refusal, tensor } from "./node-case.ts";

type Random = () => number;
type Attributes = NodeSpec["attributes"];

/** A whole number from 0 to below `limit`. */
const below = (random: Random, limit: number): number => Math.floor(((random() + 1) / 2) * limit) % limit;
const numbers = (random: Random, count: number): number[] => Array.from({ length: count }, () => Math.fround(random()));
const rows = (random: Random, count: number, features: number): TensorData =>
  tensorFrom("f32", [count, features], numbers(random, count * features));

const transforms = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"] as const;

interface Leaf {
  readonly tree: number;
  readonly id: number;
}

interface Trees {
  readonly attributes: Attributes;
  readonly leaves: readonly Leaf[];
}

const modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"] as const;

/** Full trees of random splits, written as the operators before TreeEnsemble have them. */
function listedTrees(random: Random, count: number, depth: number, features: number, missing: boolean): Trees {
  const inner = 2 ** depth - 1;
  const ids = Array.from({ length: count * (2 * inner + 1) }, (_, i) => i % (2 * inner + 1));
  const isLeaf = (id: number): boolean => id >= inner;
  const treeids = ids.map((_, i) => 7 * Math.floor(i / (2 * inner + 1)));
  const tens = ids.map((id) => (isLeaf(id) ? 0 : Math.round(random() * 10) / 10));
  const attributes = {
    nodes_treeids: treeids,
    nodes_nodeids: ids,
    nodes_featureids: ids.map((id) => (isLeaf(id) ? 0 : below(random, features))),
    nodes_modes: ids.map((id) => (isLeaf(id) ? "LEAF" : (modes[below(random, missing ? 1 : 6)] ?? "LEAF"))),
    nodes_values: floatList(...tens),
    nodes_truenodeids: ids.map((id) => (isLeaf(id) ? 0 : 2 * id + 1)),
    nodes_falsenodeids: ids.map((id) => (isLeaf(id) ? 0 : 2 * id + 2)),
    ...(missing ? { nodes_missing_value_tracks_true: ids.map((id) => (isLeaf(id) ? 0 : below(random, 2))) } : {}),
  };
  const leaves = ids.flatMap((id, i) => (isLeaf(id) ? [{ tree: treeids[i] ?? 0, id }] : []));
  return { attributes, leaves };
}

/** Votes of leaves: which classes each votes for, and with what. */
function votes(
  kind: "class" | "target",
  leaves: readonly Leaf[],
  of: () => readonly (readonly [number, number])[],
): Attributes {
  const list = leaves.flatMap((leaf) => of().map(([target, weight]) => ({ ...leaf, target, weight })));
  return {
    [`${kind}_treeids`]: list.map(({ tree }) => tree),
    [`${kind}_nodeids`]: list.map(({ id }) => id),
    [`${kind}_ids`]: list.map(({ target }) => target),
    [`${kind}_weights`]: floatList(...list.map(({ weight }) => weight)),
  };
}

/** Tenths, so that sums tie and splits are met. */
const coarse = (x: TensorData): TensorData => ({
  ...x,
  elements: Float32Array.from(x.elements as Float32Array, (value) => Math.round(value * 10) / 10),
});

describe("TreeEnsembleClassifier", () => {
  const styles = {
    "all classes": (random: Random, classes: number) => () =>
      Array.from({ length: classes }, (_, c) => [c, random()] as const),
    "the first class, shares": (random: Random) => () => [[0, (random() + 1) / 8] as const],
    "the first class, margins": (random: Random) => () => [[0, random()] as const],
    "the second class": (random: Random) => () => [[1, random()] as const],
    "one class each": (random: Random, classes: number) => () => [[below(random, classes), random()] as const],
  };
  const cases = Object.keys(styles).flatMap((style) =>
    [2, 3].flatMap((classes) =>
      [0, 1].map((missing) => [style as keyof typeof styles, classes, missing === 1] as const),
    ),
  );

  it.each(cases)("votes for %s of %d, missing values: %s", async (style, classes, missing) => {
    for (const [i, post_transform] of transforms.entries()) {
      const random = randomNumbers(i + classes * 7);
      const { attributes, leaves } = listedTrees(random, 1 + i * 3, 1 + i, 4, missing);
      const x = coarse(rows(random, 9, 4));
      if (missing) for (let at = 0; at < 36; at += 5) (x.elements as Float32Array)[at] = NaN;
      const bases = [[], classes === 2 ? [0.25, 0.125] : [0.25, 0.125, 0.5]][i % 2] ?? [];
      await agreesWithOracle({
        op: "TreeEnsembleClassifier",
        attributes: {
          ...attributes,
          ...votes("class", leaves, styles[style](random, classes)),
          classlabels_int64s: [11, 5, 8].slice(0, classes),
          post_transform,
          ...(bases.length > 0 ? { base_values: floatList(...bases) } : {}),
        },
        x,
        outputs: ["i64", "f32"],
      });
    }
  });

  it.each(["f64", "i32", "i64"] as const)("takes rows of %s, doubles from version 3 on", async (dtype) => {
    const random = randomNumbers(3);
    const { attributes, leaves } = listedTrees(random, 40, 3, 2, false);
    const { nodes_values, ...nodes } = attributes;
    const { class_weights, ...list } = votes("class", leaves, () => [
      [0, random()],
      [1, random()],
      [2, random()],
    ]);
    const doubles = (given: unknown): TensorData => {
      const { value } = given as { readonly value: readonly number[] };
      return tensor([value.length], value, "f64");
    };
    const x = tensor(
      [5, 2],
      Array.from({ length: 10 }, () => Math.round(random() * 2)),
      dtype,
    );
    const tables =
      dtype === "f64"
        ? {
            nodes_values_as_tensor: doubles(nodes_values),
            class_weights_as_tensor: doubles(class_weights),
            base_values_as_tensor: tensor([3], [0.1, 0.2, 0.3], "f64"),
          }
        : {
            nodes_values: nodes_values as NonNullable<typeof nodes_values>,
            class_weights: class_weights as NonNullable<typeof class_weights>,
          };
    const more = { classlabels_strings: ["a", "b", "c"] };
    const c = { op: "TreeEnsembleClassifier", attributes: { ...nodes, ...list, ...tables, ...more }, x, opset: 3 };
    // onnxruntime-web gives the first string for every row of some of its builds: the scores tell enough
    await agreesWithOracle({ ...c, outputs: ["string", "f32"] }, (output) => output === 1);
  });

  it("refuses what it cannot mean", async () => {
    const { attributes, leaves } = listedTrees(randomNumbers(1), 1, 1, 2, false);
    const given = { ...attributes, ...votes("class", leaves, () => [[0, 1]]), classlabels_int64s: [1, 2] };
    const of = (changed: Attributes): NodeCase => ({
      op: "TreeEnsembleClassifier",
      opset: 1,
      domain: "ai.onnx.ml",
      attributes: { ...given, ...changed },
      inputs: [tensor([1, 2], [0, 0])],
      outputs: 2,
    });
    expect(await refusal(of({}))).toBe("it is accepted");
    expect(await refusal(of({ class_ids: [0, 2] }))).toContain("target 2 of 2");
    expect(await refusal(of({ class_ids: [0] }))).toContain("class_ids has 1 entries");
    expect(await refusal(of({ base_values: floatList(1, 2, 3) }))).toContain("3 base_values for 2 classes");
    expect(await refusal(of({ nodes_nodeids: [0, 1, 1] }))).toContain("two nodes 1 in tree 0");
    expect(await refusal(of({ nodes_featureids: [2 ** 40, 0, 0] }))).toContain("no number of a feature");
    expect(await refusal(of({ classlabels_strings: ["only"] }))).toContain("a single class");
  });
});

describe("TreeEnsembleRegressor", () => {
  it.each(["SUM", "AVERAGE", "MIN", "MAX"])("puts votes together: %s", async (aggregate_function) => {
    for (const targets of [1, 3]) {
      const random = randomNumbers(targets);
      const { attributes, leaves } = listedTrees(random, 7, 3, 3, false);
      const list = votes("target", leaves, () => Array.from({ length: targets }, (_, t) => [t, random()] as const));
      const base = { base_values: floatList(...numbers(random, targets)) };
      const post_transform = targets === 1 ? "LOGISTIC" : "SOFTMAX";
      const all = { ...attributes, ...list, ...base, aggregate_function, post_transform, n_targets: targets };
      await agreesWithOracle({ op: "TreeEnsembleRegressor", attributes: all, x: rows(random, 6, 3), outputs: ["f32"] });
    }
  });
});

describe("LinearClassifier", () => {
  const cases = [1, 3, 5].flatMap((scores) => transforms.map((transform) => [scores, transform] as const));
  it.each(cases)("%d rows of coefficients, %s", async (scores, post_transform) => {
    const random = randomNumbers(scores);
    const attributes = {
      coefficients: floatList(...numbers(random, scores * 4)),
      intercepts: floatList(...numbers(random, scores)),
      classlabels_ints: scores === 1 ? [3, 9] : Array.from({ length: scores }, (_, i) => 10 - i),
      post_transform,
    };
    await agreesWithOracle({ op: "LinearClassifier", attributes, x: rows(random, 7, 4), outputs: ["i64", "f32"] });
  });
});

describe("support vectors", () => {
  const kernels = ["LINEAR", "POLY", "RBF", "SIGMOID"] as const;
  const machine = (random: Random, vectors: number, features: number): Attributes => ({
    kernel_params: floatList(0.75, 0.5, 3),
    support_vectors: floatList(...numbers(random, vectors * features)),
  });

  const cases = kernels.flatMap((kernel) =>
    [2, 4].flatMap((classes) => [false, true].map((coupled) => [kernel, classes, coupled] as const)),
  );
  it.each(cases)("SVMClassifier: %s, %d classes, probabilities: %s", async (kernel_type, classes, coupled) => {
    for (const [i, post_transform] of transforms.entries()) {
      const random = randomNumbers(i + 1);
      const sizes = [3, 1, 4, 2].slice(0, classes);
      const vectors = sizes.reduce((sum, size) => sum + size, 0);
      const pairs = (classes * (classes - 1)) / 2;
      const attributes = {
        ...machine(random, vectors, 3),
        kernel_type,
        post_transform,
        vectors_per_class: sizes,
        coefficients: floatList(...numbers(random, (classes - 1) * vectors)),
        rho: floatList(...numbers(random, pairs)),
        classlabels_ints: [4, 2, 8, 6].slice(0, classes),
        ...(coupled
          ? { prob_a: floatList(...numbers(random, pairs)), prob_b: floatList(...numbers(random, pairs)) }
          : {}),
      };
      await agreesWithOracle({ op: "SVMClassifier", attributes, x: rows(random, 8, 3), outputs: ["i64", "f32"] });
    }
  });

  it.each([2, 3])("SVMClassifier without vectors is linear: %d classes", async (classes) => {
    const random = randomNumbers(classes);
    for (const sign of [1, -1]) {
      const coefficients = numbers(random, classes * 3).map((value) => (sign > 0 ? Math.abs(value) : value));
      const labels = [7, 5, 3].slice(0, classes);
      const attributes = {
        coefficients: floatList(...coefficients),
        rho: floatList(-0.25),
        kernel_params: floatList(0, 0, 0),
        classlabels_ints: labels,
      };
      await agreesWithOracle({ op: "SVMClassifier", attributes, x: rows(random, 9, 3), outputs: ["i64", "f32"] });
    }
  });

  const regressors = kernels.flatMap((kernel) => [0, 1].map((oneClass) => [kernel, oneClass] as const));
  it.each(regressors)("SVMRegressor: %s, one class: %d", async (kernel_type, one_class) => {
    const random = randomNumbers(5);
    for (const n_supports of [6, 0]) {
      const coefficients = floatList(...numbers(random, n_supports === 0 ? 3 : n_supports));
      const attributes = {
        ...machine(random, n_supports, 3),
        kernel_type,
        one_class,
        n_supports,
        coefficients,
        rho: floatList(0.125),
      };
      await agreesWithOracle({ op: "SVMRegressor", attributes, x: rows(random, 8, 3), outputs: ["f32"] });
    }
  });

  it("have as many numbers as they say", async () => {
    const of = (changed: Attributes): NodeCase => ({
      op: "SVMRegressor",
      opset: 1,
      domain: "ai.onnx.ml",
      attributes: {
        coefficients: floatList(1, 2),
        rho: floatList(0),
        n_supports: 2,
        support_vectors: floatList(1, 2),
        ...changed,
      },
      inputs: [tensor([1, 1], [0])],
    });
    expect(await refusal(of({}))).toBe("it is accepted");
    expect(await refusal(of({ support_vectors: floatList(1) }))).toContain("1 numbers for 2 support vectors");
    expect(await refusal(of({ coefficients: floatList(1) }))).toContain("1 coefficients");
    expect(await refusal(of({ kernel_type: "COSINE" }))).toContain("COSINE");
    expect(await refusal(of({ kernel_params: floatList(1) }))).toContain("kernel_params has 1 entries");
  });
});
