/**
 * Types of the results of ops with open dims. What cannot be told for open dims is a `NotOpen`, and so is what does not fit: the way by known
 * shapes says it better. Questions that ranges do not answer become guards (ir/assumptions.ts).
 */
import { nth } from "../access.ts";
import { type Assumptions, NotOpen } from "../assumptions.ts";
import { addDims, countOf, type Dim, floorDiv, isOpenDim, mulDims, sameDim, showDim, showDims } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { inferExpr } from "../infer/elementwise.ts";
import { type ConvLayout, epilogueOperands, type OpKind, opSubject } from "../graph.ts";
import type { OpenOpOf, OpenOpSpec, OpenType } from "./graph.ts";

/** What an op is inferred with. */
interface OpenSite {
  readonly subject: string;
  readonly inputs: readonly OpenType[];
  readonly assumptions: Assumptions;
}

type SpecOf<K extends OpenOpSpec["kind"]> = Omit<OpenOpOf<K>, "outputs" | "origin">;

/** The types of an op's results; `origin` names the model's nodes in messages. */
export function inferOpenTypes(
  spec: OpenOpSpec,
  inputs: readonly OpenType[],
  assumptions: Assumptions,
  origin: readonly string[],
): readonly OpenType[] {
  const site: OpenSite = { subject: opSubject({ kind: subjectKind(spec.kind), origin }), inputs, assumptions };
  return [applyRule(site, spec)];
}

/** The kind of `ir/graph.ts` that an op of an open graph is bound to. */
const subjectKind = (kind: OpenOpSpec["kind"]): OpKind => {
  switch (kind) {
    case "expand":
    case "sizes":
    case "count":
    case "repeat":
      return "pad";
    case "attention":
      return "matmul";
    default:
      return kind;
  }
};

function applyRule(site: OpenSite, spec: OpenOpSpec): OpenType {
  switch (spec.kind) {
    case "map":
      return inferMap(site, spec);
    case "matmul":
      return inferMatmul(site, spec);
    case "reduce":
      return inferReduce(site, spec);
    case "softmax":
      return only(site);
    case "normalize":
      return inferNormalize(site);
    case "transpose":
      return { ...only(site), dims: spec.perm.map((axis) => nth(only(site).dims, axis)) };
    case "concat":
      return inferConcat(site, spec);
    case "gather":
      return inferGather(site, spec);
    case "conv":
      return inferConv(site, spec);
    case "convTranspose":
      return inferConvTranspose(site, spec);
    case "pool":
      return inferPool(site, spec);
    case "pad":
      return inferPad(site, spec);
    case "repeat":
      return inferRepeat(site, spec);
    case "reshape":
      return inferReshape(site, spec);
    case "slice":
      return inferSlice(site, spec);
    case "expand":
      return inferExpand(site, spec);
    case "sizes":
      return { dtype: spec.dtype, dims: spec.shape };
    case "count":
      return { dtype: spec.dtype, dims: [spec.size] };
    case "attention":
      return inferAttention(site, spec);
  }
}

const only = (site: OpenSite): OpenType => nth(site.inputs, 0);

const misfit = ({ subject }: OpenSite, message: string): NotOpen => new NotOpen(`${subject}: ${message}`);

/** The numpy broadcast of two lists of dims. */
function broadcastTwo(site: OpenSite, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly Dim[], axis: number): Dim =>
    axis < rank - dims.length ? 1 : nth(dims, axis - (rank - dims.length));
  return Array.from({ length: rank }, (_, axis) => broadcastDim(site, at(a, axis), at(b, axis)));
}

function broadcastDim(site: OpenSite, a: Dim, b: Dim): Dim {
  const { assumptions } = site;
  if (sameDim(a, b) || b === 1) return a;
  if (a === 1) return b;
  if (assumptions.decide(a, "==", b)) return isOpenDim(a) ? b : a;
  if (assumptions.decide(a, "==", 1)) return b;
  if (assumptions.decide(b, "==", 1)) return a;
  throw misfit(site, `${showDim(a)} and ${showDim(b)} do not broadcast`);
}

export const broadcastAll = (site: OpenSite, shapes: readonly (readonly Dim[])[]): readonly Dim[] =>
  shapes.reduce((joint, shape) => broadcastTwo(site, joint, shape), []);

function expectBroadcastTo(site: OpenSite, dims: readonly Dim[], to: readonly Dim[]): void {
  const joint = broadcastTwo(site, dims, to);
  const fits =
    joint.length === to.length && joint.every((dim, axis) => site.assumptions.decide(dim, "==", nth(to, axis)));
  if (!fits) throw misfit(site, `${showDims(dims)} does not broadcast to ${showDims(to)}`);
}

const exprType = (site: OpenSite, expr: Parameters<typeof inferExpr>[1], dtypes: readonly DType[]): DType =>
  inferExpr({ subject: site.subject, inputs: [] }, expr, dtypes);

function inferMap(site: OpenSite, { expr }: SpecOf<"map">): OpenType {
  const dtype = exprType(
    site,
    expr,
    site.inputs.map((type) => type.dtype),
  );
  return {
    dtype,
    dims: broadcastAll(
      site,
      site.inputs.map(({ dims }) => dims),
    ),
  };
}

function matrixDims(site: OpenSite, { dims }: OpenType, transposed: boolean): readonly [Dim, Dim] {
  if (dims.length < 2) throw misfit(site, `${showDims(dims)} is no matrix`);
  const [rows, columns] = [nth(dims, dims.length - 2), nth(dims, dims.length - 1)];
  return transposed ? [columns, rows] : [rows, columns];
}

function inferMatmul(site: OpenSite, op: SpecOf<"matmul">): OpenType {
  const [a, b] = [nth(site.inputs, 0), nth(site.inputs, 1)];
  if (a.dtype !== "f32" || b.dtype !== "f32") throw misfit(site, `products of ${a.dtype} and ${b.dtype}`);
  const [rows, inner] = matrixDims(site, a, op.transposeA);
  const [innerB, columns] = matrixDims(site, b, op.transposeB);
  if (!site.assumptions.decide(inner, "==", innerB)) {
    throw misfit(site, `${showDim(inner)} columns meet ${showDim(innerB)} rows`);
  }
  const dims = [...broadcastTwo(site, a.dims.slice(0, -2), b.dims.slice(0, -2)), rows, columns];
  if (op.epilogue === null) return { dtype: a.dtype, dims };
  const extras = site.inputs.slice(epilogueOperands.matmul);
  for (const extra of extras) expectBroadcastTo(site, extra.dims, dims);
  return { dtype: exprType(site, op.epilogue, [a.dtype, ...extras.map(({ dtype }) => dtype)]), dims };
}

// ---- windows ----------------------------------------------------------------------------------------------------------------------

/** An image's dims, whatever its layout. */
interface OpenImage {
  readonly batch: Dim;
  readonly channels: Dim;
  readonly spatial: readonly Dim[];
}

export function openImageOf({ dims }: OpenType, layout: ConvLayout): OpenImage {
  const batch = nth(dims, 0);
  if (layout === "nchw") return { batch, channels: nth(dims, 1), spatial: dims.slice(2) };
  return { batch, channels: nth(dims, dims.length - 1), spatial: dims.slice(1, -1) };
}

const imageDims = ({ batch, channels, spatial }: OpenImage, layout: ConvLayout): readonly Dim[] =>
  layout === "nchw" ? [batch, channels, ...spatial] : [batch, ...spatial, channels];

function knownShape(site: OpenSite, { dims }: OpenType): readonly number[] {
  return dims.map((dim) => {
    if (typeof dim === "number") return dim;
    throw misfit(site, `weights of ${showDims(dims)}`);
  });
}

function inferConv(site: OpenSite, op: SpecOf<"conv">): OpenType {
  const [x, w] = [nth(site.inputs, 0), nth(site.inputs, 1)];
  const { batch, channels, spatial } = openImageOf(x, op.layout);
  const weights = knownShape(site, w);
  if (weights.length !== x.dims.length) throw misfit(site, `weights of ${showDims(weights)} for ${showDims(x.dims)}`);
  const isFirst = op.layout === "nchw";
  const kernel = isFirst ? weights.slice(2) : weights.slice(0, -2);
  const perGroup = isFirst ? nth(weights, 1) : nth(weights, weights.length - 2);
  const filters = isFirst ? nth(weights, 0) : nth(weights, weights.length - 1);
  if (channels !== perGroup * op.groups || filters % op.groups !== 0) {
    throw misfit(site, `${showDim(channels)} channels in ${op.groups} groups for weights of ${showDims(weights)}`);
  }
  const out = spatial.map((size, i) => {
    const reach = (nth(kernel, i) - 1) * nth(op.dilations, i) + 1;
    const free = addDims(size, nth(op.padsBegin, i) + nth(op.padsEnd, i) - reach);
    if (!site.assumptions.decide(0, "<=", free)) throw misfit(site, `no window fits into ${showDim(size)} elements`);
    return addDims(floorDiv(free, nth(op.strides, i)), 1);
  });
  return withEpilogue(site, op.epilogue, epilogueOperands.conv, {
    dtype: accumulatorOf(site, x.dtype, w.dtype),
    dims: imageDims({ batch, channels: filters, spatial: out }, op.layout),
  });
}

function accumulatorOf(site: OpenSite, a: DType, b: DType): DType {
  if (a === "f32" && b === "f32") return "f32";
  throw misfit(site, `products of ${a} and ${b}`);
}

/** The type after an epilogue over `from` and the operands behind the `fixed` ones. */
function withEpilogue(site: OpenSite, epilogue: SpecOf<"conv">["epilogue"], fixed: number, from: OpenType): OpenType {
  if (epilogue === null) return from;
  const extras = site.inputs.slice(fixed);
  for (const extra of extras) expectBroadcastTo(site, extra.dims, from.dims);
  return { ...from, dtype: exprType(site, epilogue, [from.dtype, ...extras.map(({ dtype }) => dtype)]) };
}

function inferConvTranspose(site: OpenSite, op: SpecOf<"convTranspose">): OpenType {
  const [x, w] = [nth(site.inputs, 0), nth(site.inputs, 1)];
  const { batch, channels, spatial } = openImageOf(x, op.layout);
  const weights = knownShape(site, w);
  if (weights.length !== x.dims.length || channels !== nth(weights, 0) || channels % op.groups !== 0) {
    throw misfit(site, `weights of ${showDims(weights)} for ${showDims(x.dims)}`);
  }
  const out = spatial.map((size, i) => {
    const reach = (nth(weights, 2 + i) - 1) * nth(op.dilations, i) + 1;
    const added = reach + nth(op.outputPadding, i) - nth(op.padsBegin, i) - nth(op.padsEnd, i);
    const count = addDims(mulDims(addDims(size, -1), nth(op.strides, i)), added);
    if (!site.assumptions.decide(0, "<", count)) throw misfit(site, `nothing is left of ${showDim(size)} elements`);
    return count;
  });
  return withEpilogue(site, op.epilogue, epilogueOperands.convTranspose, {
    dtype: accumulatorOf(site, x.dtype, w.dtype),
    dims: imageDims({ batch, channels: nth(weights, 1) * op.groups, spatial: out }, op.layout),
  });
}

function inferPool(site: OpenSite, op: SpecOf<"pool">): OpenType {
  const x = only(site);
  const image = openImageOf(x, op.layout);
  for (const count of op.outputSpatial) {
    if (!site.assumptions.decide(0, "<", count)) throw misfit(site, "no window fits");
  }
  return { dtype: x.dtype, dims: imageDims({ ...image, spatial: op.outputSpatial }, op.layout) };
}

function inferPad(site: OpenSite, { before, after, mode }: SpecOf<"pad">): OpenType {
  const { dtype, dims } = only(site);
  for (const amount of [...before, ...after]) {
    if (!site.assumptions.decide(0, "<=", amount)) throw misfit(site, `a pad of ${showDim(amount)}`);
  }
  if (mode !== "constant") throw misfit(site, `padding in mode ${mode}`);
  return { dtype, dims: dims.map((dim, axis) => addDims(dim, nth(before, axis), nth(after, axis))) };
}

const inferRepeat = (site: OpenSite, { factors }: SpecOf<"repeat">): OpenType => {
  const { dtype, dims } = only(site);
  return { dtype, dims: dims.map((dim, axis) => mulDims(dim, nth(factors, axis))) };
};

// ---- other kinds ------------------------------------------------------------------------------------------------------------------

function inferAttention(site: OpenSite, { epilogue }: SpecOf<"attention">): OpenType {
  const [q, k, v] = [nth(site.inputs, 0), nth(site.inputs, 1), nth(site.inputs, 2)];
  const products = { kind: "matmul", inputs: [], transposeA: false, epilogue: null } as const;
  const within = (inputs: readonly OpenType[]): OpenSite => ({ ...site, inputs });
  const scores = inferMatmul(within([q, k]), { ...products, transposeB: true });
  const extras = site.inputs.slice(3);
  for (const extra of extras) expectBroadcastTo(site, extra.dims, scores.dims);
  const dtype = epilogue === null ? "f32" : exprType(site, epilogue, ["f32", ...extras.map((extra) => extra.dtype)]);
  return inferMatmul(within([{ ...scores, dtype }, v]), { ...products, transposeB: false });
}

function inferReduce(site: OpenSite, op: SpecOf<"reduce">): OpenType {
  const { dtype, dims } = only(site);
  const dropped = new Set(op.axes);
  const kept = op.keepDims
    ? dims.map((dim, axis) => (dropped.has(axis) ? 1 : dim))
    : dims.filter((_, axis) => !dropped.has(axis));
  return { dtype, dims: kept };
}

function inferNormalize(site: OpenSite): OpenType {
  for (const { dims } of site.inputs.slice(1)) expectBroadcastTo(site, dims, only(site).dims);
  return only(site);
}

function inferReshape(site: OpenSite, { shape }: SpecOf<"reshape">): OpenType {
  const { dtype, dims } = only(site);
  if (!site.assumptions.decide(countOf(dims), "==", countOf(shape))) {
    throw misfit(site, `${showDims(dims)} has other elements than ${showDims(shape)}`);
  }
  return { dtype, dims: shape };
}

function inferSlice(site: OpenSite, { starts, sizes, steps }: SpecOf<"slice">): OpenType {
  const { dtype, dims } = only(site);
  const { assumptions } = site;
  for (const [axis, dim] of dims.entries()) {
    const [start, size, step] = [nth(starts, axis), nth(sizes, axis), nth(steps, axis)];
    if (assumptions.decide(size, "<=", 0)) throw misfit(site, "nothing is taken");
    const last = addDims(start, mulDims(step, addDims(size, -1)));
    const [low, high] = step > 0 ? [start, last] : [last, start];
    const isWithin = assumptions.decide(0, "<=", low) && assumptions.decide(high, "<", dim);
    if (!isWithin) throw misfit(site, `elements ${showDim(start)} to ${showDim(last)} are not all on axis ${axis}`);
  }
  return { dtype, dims: sizes };
}

function inferExpand(site: OpenSite, { shape }: SpecOf<"expand">): OpenType {
  expectBroadcastTo(site, only(site).dims, shape);
  return { dtype: only(site).dtype, dims: shape };
}

function inferConcat(site: OpenSite, { axis }: SpecOf<"concat">): OpenType {
  const first = only(site);
  for (const { dtype, dims } of site.inputs) {
    const fits =
      dtype === first.dtype &&
      dims.length === first.dims.length &&
      dims.every((dim, at) => at === axis || site.assumptions.decide(dim, "==", nth(first.dims, at)));
    if (!fits) throw misfit(site, `${showDims(dims)} does not join ${showDims(first.dims)} along axis ${axis}`);
  }
  const total = addDims(...site.inputs.map(({ dims }) => nth(dims, axis)));
  return { dtype: first.dtype, dims: first.dims.with(axis, total) };
}

function inferGather(site: OpenSite, { axis }: SpecOf<"gather">): OpenType {
  const [x, index] = [nth(site.inputs, 0), nth(site.inputs, 1)];
  if (index.dtype !== "i64" && index.dtype !== "i32") throw misfit(site, `indices are ${index.dtype}`);
  return { dtype: x.dtype, dims: [...x.dims.slice(0, axis), ...index.dims, ...x.dims.slice(axis + 1)] };
}
