/** Feed-forward parts: one for all tokens, or experts among which a router chooses. */
import type { Experts, FeedForward, ModelConfig, Router } from "../config.ts";
import type { Draft } from "../draft.ts";
import { activated, linear, spread } from "./elementary.ts";

/** One feed-forward part for all tokens, [batch, tokens, hidden]. */
export function feedForward(
  draft: Draft,
  x: string,
  hidden: number,
  { inner, activation, gated, bias }: FeedForward,
): string {
  const up = linear(draft, x, gated ? "gate_proj" : "up_proj", [hidden, inner], bias);
  const other = gated ? linear(draft, x, "up_proj", [hidden, inner], bias) : null;
  return linear(draft, activated(draft, up, activation, other), "down_proj", [inner, hidden], bias);
}

/** What stands behind a layer's attention: its experts, or one part for all. */
export function forwardOf(draft: Draft, x: string, config: ModelConfig, withExperts: boolean): string {
  return withExperts && config.experts !== undefined
    ? mixture(draft, x, config, config.experts)
    : feedForward(draft, x, config.hidden, config.feedForward);
}

/**
 * Experts: a prompt passes all of them and takes the chosen ones' results, since its tokens choose differently; a single token gathers the weights of
 * those that it chose. [batch, tokens, hidden].
 */
export function mixture(draft: Draft, x: string, config: ModelConfig, experts: Experts): string {
  const { hidden, feedForward: kind } = config;
  const rows = draft.op("Reshape", [x, draft.ints(-1, hidden)]);
  const { scores, chosen } = draft.within("router", () => route(draft, rows, hidden, experts));
  const fewer = draft.options.step === "decode" && fewTokens(draft) * experts.chosen < experts.count;
  const sum = draft.within("experts", () =>
    fewer
      ? gathered(draft, rows, { scores, chosen }, hidden, experts, kind)
      : everyExpert(draft, rows, { scores, chosen }, hidden, experts, kind),
  );
  const shape = draft.op("Shape", [x]);
  const result = draft.op("Reshape", [sum, shape]);
  if (experts.shared === 0) return result;
  const shared = { ...kind, inner: experts.inner * experts.shared, bias: false };
  const common = draft.within("shared_experts", () => feedForward(draft, x, hidden, shared));
  return draft.op("Add", [result, common]);
}

/** Tokens of a decode step; where the batch is open, one. */
const fewTokens = ({ options: { batch } }: Draft): number => (typeof batch === "number" ? batch : 1);

interface Routed {
  /** [tokens, chosen] */
  readonly scores: string;
  /** i64 [tokens, chosen] */
  readonly chosen: string;
}

function route(draft: Draft, rows: string, hidden: number, { count, chosen, router }: Experts): Routed {
  const logits = linear(draft, rows, "gate", [hidden, count], router.bias);
  if (router.of === "chosen") {
    const [values, indices] = topOf(draft, logits, chosen);
    const scores = draft.op("Softmax", [values], { axis: -1 });
    return { scores: multiplied(draft, scores, router.scale), chosen: indices };
  }
  const all = router.score === "softmax" ? draft.op("Softmax", [logits], { axis: -1 }) : draft.op("Sigmoid", [logits]);
  const choice = choiceOf(draft, all, count, router);
  const [values, indices] = topOf(draft, choice, chosen);
  const own = choice === all ? values : draft.op("GatherElements", [all, indices], { axis: -1 });
  const total = router.normalized ? draft.op("ReduceSum", [own, draft.ints(-1)], { keepdims: 1 }) : null;
  const scores = total === null ? own : draft.op("Div", [own, total]);
  return { scores: multiplied(draft, scores, router.scale), chosen: indices };
}

const multiplied = (draft: Draft, x: string, factor: number): string =>
  factor === 1 ? x : draft.op("Mul", [x, draft.scalar(factor)]);

/** The greatest values of each row, and where they stand. */
const topOf = (draft: Draft, x: string, count: number): readonly [string, string] => {
  const [values, indices] = draft.ops("TopK", [x, draft.ints(count)], 2, { axis: -1, largest: 1, sorted: 1 });
  return [values as string, indices as string];
};

/** What the choice goes by: scores with their correction, and none of the groups that are not chosen. */
function choiceOf(draft: Draft, scores: string, count: number, { correction, groups }: Router): string {
  const corrected = correction ? draft.op("Add", [scores, draft.weight("correction_bias", [count], "vector")]) : scores;
  if (groups === undefined) return corrected;
  const size = count / groups.count;
  const parts = draft.op("Reshape", [corrected, draft.ints(0, groups.count, size)]);
  const [best] = topOf(draft, parts, Math.min(2, size));
  const merit = draft.op("ReduceSum", [best, draft.ints(-1)], { keepdims: 0 });
  const [ranked] = topOf(draft, merit, groups.chosen);
  const least = draft.op("ReduceMin", [ranked], { axes: [-1], keepdims: 1 });
  const kept = spread(draft, draft.op("GreaterOrEqual", [merit, least]), 2);
  const open = draft.op("Where", [kept, parts, draft.scalar(0)]);
  return draft.op("Reshape", [open, draft.ints(0, count)]);
}

interface Stack {
  readonly weight: (name: string, inputs: number, outputs: number) => string;
  readonly bias: (name: string, outputs: number) => string | null;
}

/** Weights of all experts under one name, expert by expert. */
const stackOf = (draft: Draft, count: number, bias: boolean): Stack => ({
  weight: (name, inputs, outputs) => draft.weight(`${name}.weight`, [count, inputs, outputs], "expert", inputs),
  bias: (name, outputs) => (bias ? draft.weight(`${name}.bias`, [count, outputs], "expert", 1) : null),
});

/** A layer of experts: its result for `x`, by the layer's name and widths. */
type Through = (x: string, name: string, inputs: number, outputs: number) => string;

/** Both layers of all experts that `through` takes, with what is between them. */
function throughLayers(
  draft: Draft,
  x: string,
  through: Through,
  [hidden, inner]: readonly [number, number],
  { activation, gated }: FeedForward,
): string {
  const first = through(x, gated ? "gate_proj" : "up_proj", hidden, inner);
  const second = gated ? through(x, "up_proj", hidden, inner) : null;
  return through(activated(draft, first, activation, second), "down_proj", inner, hidden);
}

/** Each token's own experts, their weights gathered. */
function gathered(
  draft: Draft,
  rows: string,
  { scores, chosen }: Routed,
  hidden: number,
  { count, inner }: Experts,
  feedForward: FeedForward,
): string {
  const stack = stackOf(draft, count, feedForward.bias);
  const through: Through = (x, name, inputs, outputs) => {
    const weights = draft.op("Gather", [stack.weight(name, inputs, outputs), chosen]);
    const product = draft.op("MatMul", [x, weights]);
    const biases = stack.bias(name, outputs);
    return biases === null
      ? product
      : draft.op("Add", [product, spread(draft, draft.op("Gather", [biases, chosen]), 2)]);
  };
  const x = spread(draft, rows, 1, 2);
  const each = throughLayers(draft, x, through, [hidden, inner], feedForward);
  const shared = draft.op("Mul", [each, spread(draft, scores, 2, 3)]);
  return draft.op("ReduceSum", [shared, draft.ints(1, 2)], { keepdims: 0 });
}

/** All experts for all tokens, weighed by scores that are zero where an expert was not chosen. */
function everyExpert(
  draft: Draft,
  rows: string,
  { scores, chosen }: Routed,
  hidden: number,
  { count, inner }: Experts,
  feedForward: FeedForward,
): string {
  const stack = stackOf(draft, count, feedForward.bias);
  const through: Through = (x, name, inputs, outputs) => {
    const product = draft.op("MatMul", [x, stack.weight(name, inputs, outputs)]);
    const biases = stack.bias(name, outputs);
    return biases === null ? product : draft.op("Add", [product, spread(draft, biases, 1)]);
  };
  const x = spread(draft, rows, 0);
  const each = throughLayers(draft, x, through, [hidden, inner], feedForward);
  const width = draft.op("Concat", [draft.op("Shape", [rows], { start: 0, end: 1 }), draft.ints(count)], { axis: 0 });
  const none = draft.op("Expand", [draft.scalar(0), width]);
  const table = draft.op("ScatterElements", [none, chosen, scores], { axis: 1 });
  const shares = spread(draft, draft.op("Transpose", [table], { perm: [1, 0] }), 2);
  return draft.op("ReduceSum", [draft.op("Mul", [each, shares]), draft.ints(0)], { keepdims: 0 });
}
