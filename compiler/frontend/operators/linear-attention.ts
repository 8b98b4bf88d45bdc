/**
 * LinearAttention: a state of [keys, values] per head, updated token by token.
 *
 *     S = e^decay S + k (x) d,   d = v, or beta (v - S^T k) for the delta rules;   o = scale q^T S
 *
 * Everything that does not need the state is computed for all tokens at once. The recurrence is a scan over the tokens; a single token
 * (decoding) needs none. Inputs keep their order [batch, token, head, …], so that nothing is transposed.
 */
import { GraphBuilder } from "../../../ir/builder.ts";
import { arg, type Expr, lit } from "../../../ir/expr.ts";
import { type OpSpec, tensorType, type TensorType, type ValueId } from "../../../ir/graph.ts";
import { nodeOrigin } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { toDType, widen } from "./precision.ts";
import { add, exp, mul, sub } from "./scalar.ts";
import { literal } from "./support.ts";
import { operator, operatorOf } from "./table.ts";

interface Sizes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  /** query heads per key head */
  readonly group: number;
  readonly keys: number;
  readonly values: number;
}

/** Per token: q [batch, heads, group, keys], k [batch, heads, keys, 1], v [batch, heads, 1, values], decay and beta where the rule has them. */
interface Token {
  readonly q: ValueId;
  readonly k: ValueId;
  readonly v: ValueId;
  readonly decay: ValueId | null;
  readonly beta: ValueId | null;
}

/** Emits into the node's graph or into a scan's body. */
type Emit = (spec: OpSpec) => ValueId;

const mapIn = (emit: Emit, expr: Expr, ...inputs: readonly ValueId[]): ValueId => emit({ kind: "map", expr, inputs });

const product = (emit: Emit, a: ValueId, b: ValueId, transposeA = false): ValueId =>
  emit({ kind: "matmul", inputs: [a, b], transposeA, transposeB: false, epilogue: null });

/** One step: the state after the token, and what its queries read from it. */
function step(emit: Emit, state: ValueId, { q, k, v, decay, beta }: Token): readonly [state: ValueId, read: ValueId] {
  const faded = decay === null ? state : mapIn(emit, mul(arg(0), arg(1)), state, decay);
  const change =
    beta === null ? v : mapIn(emit, mul(arg(2), sub(arg(0), arg(1))), v, product(emit, k, faded, true), beta);
  const next = mapIn(emit, add(arg(0), mul(arg(1), arg(2))), faded, k, change);
  return [next, product(emit, q, next)];
}

const rules: ReadonlyMap<string, { readonly gated: boolean; readonly delta: boolean }> = new Map([
  ["linear", { gated: false, delta: false }],
  ["gated", { gated: true, delta: false }],
  ["delta", { gated: false, delta: true }],
  ["gated_delta", { gated: true, delta: true }],
]);

function sizesOf(node: NodeContext): Sizes {
  for (const index of [0, 1, 2]) {
    if (node.rank(index) !== 3) throw node.shapeError(`input ${index} must be [batch, tokens, heads * size]`);
  }
  const [queryHeads, heads] = [node.int("q_num_heads", 0), node.int("kv_num_heads", 0)];
  const [batch = 0, tokens = 0, hidden = 0] = node.shape(0);
  const [keys, values] = [hidden / queryHeads, (node.shape(2)[2] ?? 0) / heads];
  const fits = heads > 0 && queryHeads % heads === 0 && Number.isInteger(keys) && Number.isInteger(values);
  if (!fits) throw node.attributeError(`${queryHeads} query heads and ${heads} key heads do not fit the inputs`);
  return { batch, tokens, heads, group: queryHeads / heads, keys, values };
}

/** Inputs of all tokens, [batch, tokens, …] as a token has them. */
function tokensOf(node: NodeContext, { batch, tokens, heads, group, keys, values }: Sizes): Token {
  const rule = rules.get(node.string("update_rule", "gated_delta"));
  if (rule === undefined) throw node.attributeError("update_rule must be linear, gated, delta or gated_delta");
  if (rule.gated !== node.hasInput(4)) throw node.attributeError("decay goes with the gated rules, and only with them");
  if (rule.delta !== node.hasInput(5)) throw node.attributeError("beta goes with the delta rules, and only with them");
  const scale = node.float("scale", 0) || 1 / Math.sqrt(keys);
  const laid = (index: number, shape: readonly number[]): ValueId =>
    node.reshape(widen(node, node.input(index)), [batch, tokens, ...shape]);
  const gate = (index: number): readonly number[] =>
    (node.shape(index)[2] ?? 0) === heads * keys ? [heads, keys, 1] : [node.shape(index)[2] ?? 0, 1, 1];
  return {
    q: node.map(mul(arg(0), lit("f32", scale)), laid(0, [heads, group, keys])),
    k: laid(1, [heads, keys, 1]),
    v: laid(2, [heads, 1, values]),
    decay: rule.gated ? node.map(exp(arg(0)), laid(4, gate(4))) : null,
    beta: rule.delta ? laid(5, gate(5)) : null,
  };
}

/** Another value for each that is there, in the order of the scan's inputs. */
const eachOf = ({ q, k, v, decay, beta }: Token, of: (name: string, value: ValueId) => ValueId): Token => ({
  q: of("q", q),
  k: of("k", k),
  v: of("v", v),
  decay: decay === null ? null : of("decay", decay),
  beta: beta === null ? null : of("beta", beta),
});

const present = ({ q, k, v, decay, beta }: Token): ValueId[] =>
  [q, k, v, decay, beta].filter((value) => value !== null);

/** A single token: its step in place. */
function single(node: NodeContext, state: ValueId, all: Token): readonly ValueId[] {
  const first = (value: ValueId): ValueId => node.reshape(value, withoutToken(node.typeOf(value)));
  const token = eachOf(all, (_, value) => first(value));
  return step((spec) => node.emitOne(spec), state, token);
}

const withoutToken = ({ shape }: TensorType): number[] => [...shape.slice(0, 1), ...shape.slice(2)];

/** A scan over axis 1; the reads are stacked along the same axis. */
function scanned(node: NodeContext, state: ValueId, all: Token): readonly ValueId[] {
  const origin = [nodeOrigin(node.node)];
  const builder = new GraphBuilder("token");
  const held = builder.input("state", node.typeOf(state));
  const input = (name: string, value: ValueId): ValueId =>
    builder.input(name, tensorType("f32", withoutToken(node.typeOf(value))));
  const token = eachOf(all, input);
  const [next, read] = step((spec) => builder.emitOne(spec, { origin }), held, token);
  builder.output("state", next);
  builder.output("read", read);
  const inputs = present(all);
  return node.emit({
    kind: "scan",
    inputs: [state, ...inputs],
    carried: 1,
    scanned: inputs.length,
    inputAxes: inputs.map(() => 1),
    inputReverse: inputs.map(() => false),
    outputAxes: [1],
    outputReverse: [false],
    body: builder.finish(),
  });
}

function linearAttention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  const sizes = sizesOf(node);
  const { batch, tokens, heads, group, keys, values } = sizes;
  const stateShape = [batch, heads, keys, values];
  if (node.hasInput(3) && node.shape(3).join() !== stateShape.join()) {
    throw node.shapeError(`past_state must be [${stateShape.join(",")}], not [${node.shape(3).join(",")}]`);
  }
  const state = node.hasInput(3) ? widen(node, node.input(3)) : node.broadcastTo(literal(node, "f32", 0), stateShape);
  const all = tokensOf(node, sizes);
  const [next = state, read = state] = tokens === 1 ? single(node, state, all) : scanned(node, state, all);
  const output = node.reshape(read, [batch, tokens, heads * group * values]);
  return [toDType(node, dtype, output), toDType(node, node.hasInput(3) ? node.dtype(3) : dtype, next)];
}

/** com.microsoft's, which may also keep the states of several tokens. */
function contribLinearAttention(node: NodeContext): readonly ValueId[] {
  if (node.int("state_window", 0) !== 0) throw node.unsupported("state_window");
  return linearAttention(node);
}

const version = {
  inputs: [3, 6],
  outputs: [2, 2],
  attributes: {
    chunk_size: "int",
    kv_num_heads: "int!",
    q_num_heads: "int!",
    scale: "float",
    update_rule: "string",
  },
  optionalInputs: [3, 4, 5],
} as const;

export const linearAttentionOperators: readonly OperatorDef[] = [
  operator("LinearAttention", linearAttention, [{ since: 27, ...version }]),
  operatorOf("com.microsoft", "LinearAttention", contribLinearAttention, [
    { since: 1, ...version, attributes: { ...version.attributes, state_window: "int" } },
  ]),
];
