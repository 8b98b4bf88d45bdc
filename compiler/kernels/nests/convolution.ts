/** Convolutions, plain, grouped, depthwise and transposed, of any number of spatial dims. */
import { epilogueOperands, type ConvOp, type ConvTransposeOp } from "../../../ir/graph.ts";
import type { Axis } from "../../../ir/kernel-graph.ts";
import { operationsOf } from "../../../ir/machine/operations.ts";
import {
  epilogueFlops,
  epilogueReads,
  inputAt,
  LoopNames,
  type OpNest,
  product,
  shapeAt,
  type Sources,
} from "../nest.ts";
import { addSpatial, imageOf, inLayout, windowAxes } from "./images.ts";

/** The channel `group * perGroup + channel`. */
const channel = (names: LoopNames, size: number, perGroup: number, loop: string): Axis =>
  names.index(size, 0, { loop: "g", factor: perGroup }, { loop, factor: 1 });

export function convNest(op: ConvOp, sources: Sources): OpNest {
  const input = imageOf(inputAt(sources, 0).type.shape, op.layout);
  const output = imageOf(shapeAt(sources.outputs, 0), op.layout);
  const weights = inputAt(sources, 1).type.shape;
  const taps = op.layout === "nchw" ? weights.slice(2) : weights.slice(0, -2);
  const c = input.c / op.groups;
  const k = output.c / op.groups;
  const names = new LoopNames();
  names.add("n", output.n);
  names.add("g", op.groups);
  names.add("k", k);
  names.add("c", c);
  const positions = addSpatial(names, "positions", output.spatial);
  const tapNames = addSpatial(names, "taps", taps);
  const tapAxes = taps.map((size, dim) => names.axis(size, tapNames[dim] ?? ""));
  const made = inLayout(
    op.layout,
    names.axis(output.n, "n"),
    channel(names, output.c, k, "k"),
    output.spatial.map((size, dim) => names.axis(size, positions[dim] ?? "")),
  );
  const x = inLayout(
    op.layout,
    names.axis(input.n, "n"),
    channel(names, input.c, c, "c"),
    windowAxes(names, input.spatial, op),
  );
  const filters = channel(names, output.c, k, "k");
  const w =
    op.layout === "nchw" ? [filters, names.axis(c, "c"), ...tapAxes] : [...tapAxes, names.axis(c, "c"), filters];
  const isDepthwise = op.groups > 1 && c === 1;
  const outputs = product(shapeAt(sources.outputs, 0));
  return {
    family: isDepthwise ? "depthwiseConv" : "conv",
    loops: names.loops,
    reads: [x, w, ...epilogueReads(sources, epilogueOperands.conv, made)],
    makes: [made],
    flops: 2 * outputs * c * product(taps) + epilogueFlops(op.epilogue, outputs),
    stage: {
      domain: names.everything(),
      vector: names.known("k", positions.at(-1) ?? "", ...(c * k === 1 ? ["g"] : [])),
      perPoint: { fast: 1, slow: 0 },
      perResult: operationsOf(op.epilogue),
      combine: null,
      shuffles: false,
      gathers: [],
      steps: 0,
      codeUnits: isDepthwise ? 1 : 2,
    },
  };
}

/** Every input position spreads its taps over the output. */
export function convTransposeNest(op: ConvTransposeOp, sources: Sources): OpNest {
  const input = imageOf(inputAt(sources, 0).type.shape, "nchw");
  const output = imageOf(shapeAt(sources.outputs, 0), "nchw");
  const taps = inputAt(sources, 1).type.shape.slice(2);
  const c = input.c / op.groups;
  const k = output.c / op.groups;
  const names = new LoopNames();
  names.add("n", output.n);
  names.add("g", op.groups);
  names.add("k", k);
  names.add("c", c);
  const positions = addSpatial(names, "positions", input.spatial);
  const tapNames = addSpatial(names, "taps", taps);
  const made = inLayout(
    "nchw",
    names.axis(output.n, "n"),
    channel(names, output.c, k, "k"),
    windowAxes(names, output.spatial, op),
  );
  const x = inLayout(
    "nchw",
    names.axis(input.n, "n"),
    channel(names, input.c, c, "c"),
    input.spatial.map((size, dim) => names.axis(size, positions[dim] ?? "")),
  );
  const w = [
    channel(names, input.c, c, "c"),
    names.axis(k, "k"),
    ...taps.map((size, dim) => names.axis(size, tapNames[dim] ?? "")),
  ];
  const outputs = product(shapeAt(sources.outputs, 0));
  return {
    family: "conv",
    loops: names.loops,
    reads: [x, w, ...epilogueReads(sources, epilogueOperands.convTranspose, made)],
    makes: [made],
    flops: 2 * product(inputAt(sources, 0).type.shape) * k * product(taps) + epilogueFlops(op.epilogue, outputs),
    stage: {
      domain: names.everything(),
      vector: names.known("k", positions.at(-1) ?? ""),
      perPoint: { fast: 1, slow: 0 },
      perResult: operationsOf(op.epilogue),
      combine: null,
      shuffles: false,
      gathers: [],
      steps: 0,
      codeUnits: 2,
    },
  };
}
