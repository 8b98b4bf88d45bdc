/**
 * `wsc verify`: runs a model layer by layer against onnxruntime, or against the interpreter, and names the first layer that departs. Every node's results
 * become outputs of the model, for both sides; the model as it is runs too, since what is fused in it is not when every result is asked for.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { SessionValue } from "../../runtime/ports.ts";
import { InferenceSession } from "../../runtime/session.ts";
import type { SessionOptions } from "../../runtime/option-types.ts";
import { fromTensorData, Tensor, toTensorData } from "../../runtime/tensor.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { isTensor } from "../../runtime/host/value.ts";
import { encodeModel } from "../frontend/encode.ts";
import { inlineFunctions } from "../frontend/inline-functions.ts";
import { lowerModel } from "../frontend/lower.ts";
import { nodeSubject, type OnnxModel, type OnnxNode } from "../frontend/onnx.ts";
import { readModel } from "../frontend/read-model.ts";
import { sortedNodes } from "../frontend/sort.ts";
import { type Deviation, deviationOf, isWithin, showDeviation } from "./deviation.ts";
import { exitCodes } from "./failure.ts";
import { defaultTolerance, type PeerName } from "./peer-names.ts";
import { installedPeer, openPeer } from "./peers.ts";
import { collectFeeds, type FeedArguments } from "./run.ts";
import { readDims } from "./assignments.ts";
import { printTable } from "./table.ts";

export interface VerifyArguments extends FeedArguments {
  readonly model: string;
  /** undefined: the first that is installed, or else the interpreter */
  readonly against: PeerName | "interpreter" | undefined;
  readonly tolerance: number;
  readonly dim: readonly string[];
  readonly json: boolean;
}

/** What one node's result is like on both sides. */
interface LayerResult {
  /** `Conv "/layer1/conv"` */
  readonly layer: string;
  readonly output: string;
  readonly deviation: Deviation;
}

type Results = ReadonlyMap<string, Tensor>;
type FeedValues = Readonly<Record<string, SessionValue>>;

/** Layers shown: those that are farthest off. */
const shown = 8;

export async function verifyLayers(given: VerifyArguments): Promise<number> {
  if (!(given.tolerance >= 0)) throw fail("WSC8001", `--tolerance takes a number from 0 on, not ${given.tolerance}`);
  const dims = readDims(given.dim);
  const options: SessionOptions = { freeDimensionOverrides: Object.fromEntries(dims), strict: true };
  const whole = await InferenceSession.create(given.model, options);
  const { feeds } = await collectFeeds(whole, { ...given, random: given.random ?? 0 });
  const outputs = tensorsOf(await whole.run(feeds));
  await whole.release();
  const model = inlineFunctions(await readModel(given.model));
  const exposed = encodeModel(withAllResults(model));
  const peer = given.against ?? installedPeer() ?? "interpreter";
  const expected = await expectedResults(peer, exposed, feeds, dims);
  const laidOpen = await InferenceSession.create(exposed, options);
  const ours = tensorsOf(await laidOpen.run(feeds));
  await laidOpen.release();
  return report(given, peer, layerResults(model, ours, expected), outputResults(outputs, expected));
}

const tensorsOf = (results: Readonly<Record<string, unknown>>): Results =>
  new Map(Object.entries(results).flatMap(([name, value]) => (value instanceof Tensor ? [[name, value]] : [])));

/** Results of all nodes of the main graph become outputs; their types are left to whoever reads the model. */
function withAllResults(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const known = new Set(graph.outputs.map(({ name }) => name));
  const more = [...new Set(graph.nodes.flatMap(({ outputs }) => outputs))].filter(
    (name) => name !== "" && !known.has(name),
  );
  return { ...model, graph: { ...graph, outputs: [...graph.outputs, ...more.map((name) => ({ name, type: null }))] } };
}

async function expectedResults(
  peer: PeerName | "interpreter",
  model: Uint8Array,
  feeds: FeedValues,
  dims: ReadonlyMap<string, number>,
): Promise<Results> {
  if (peer === "interpreter") return interpreted(model, feeds, dims);
  const session = await openPeer(peer, model, feeds, { threads: 1 });
  const results = await session.run();
  await session.release();
  return results;
}

/** The graph as it comes from the model, without a pass, op by op. */
async function interpreted(bytes: Uint8Array, feeds: FeedValues, dims: ReadonlyMap<string, number>): Promise<Results> {
  const values = new Map(
    Object.entries(feeds).map(([name, value]) => {
      if (value instanceof Tensor) return [name, toTensorData(value)];
      throw fail("WSC7002", "the interpreter takes tensors only", { subject: `input "${showName(name)}"` });
    }),
  );
  const inputShapes = new Map([...values].map(([name, { shape }]) => [name, shape]));
  const { graph } = lowerModel(await readModel({ bytes, name: "model" }), { dims, inputShapes });
  const results = interpretGraph(graph, values);
  return new Map([...results].flatMap(([name, value]) => (isTensor(value) ? [[name, fromTensorData(value)]] : [])));
}

/** In an order in which each node stands behind those that it reads. */
function layerResults({ graph }: OnnxModel, ours: Results, expected: Results): readonly LayerResult[] {
  return sortedNodes(graph).nodes.flatMap((node: OnnxNode) =>
    node.outputs.flatMap((output): LayerResult[] => {
      const [actual, wanted] = [ours.get(output), expected.get(output)];
      if (actual === undefined || wanted === undefined) return [];
      return [{ layer: nodeSubject(node), output, deviation: deviationOf(actual, wanted) }];
    }),
  );
}

const outputResults = (outputs: Results, expected: Results): readonly LayerResult[] =>
  [...outputs].flatMap(([output, actual]) => {
    const wanted = expected.get(output);
    return wanted === undefined ? [] : [{ layer: "model", output, deviation: deviationOf(actual, wanted) }];
  });

const sizeOf = ({ deviation }: LayerResult): number => (deviation.kind === "other" ? Infinity : deviation.share);

function report(
  { json, tolerance }: VerifyArguments,
  peer: string,
  layers: readonly LayerResult[],
  outputs: readonly LayerResult[],
): number {
  const first = layers.find(({ deviation }) => !isWithin(deviation, tolerance)) ?? null;
  const wrong = outputs.filter(({ deviation }) => !isWithin(deviation, tolerance));
  const worst = layers.toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, shown);
  const agrees = first === null && wrong.length === 0;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ against: peer, tolerance, agrees, compared: layers.length, first, outputs, worst }, null, 2)}\n`,
    );
  } else {
    printTable(
      ["layer", "result", `differs from ${peer} by`],
      worst.map(({ layer, output, deviation }) => [layer, showName(output), showDeviation(deviation)]),
    );
    process.stdout.write(`${verdict(first, wrong, layers.length, peer, tolerance)}\n`);
  }
  return agrees ? exitCodes.done : exitCodes.failed;
}

function verdict(
  first: LayerResult | null,
  wrong: readonly LayerResult[],
  compared: number,
  peer: string,
  tolerance: number,
): string {
  const within = tolerance === defaultTolerance ? "" : ` within ${tolerance}`;
  if (first !== null)
    return `the first layer that departs is ${first.layer}: "${showName(first.output)}" ${describe(first.deviation)}`;
  if (wrong.length === 0) return `all ${compared} results agree with ${peer}${within}`;
  const named = wrong.map(({ output, deviation }) => `"${showName(output)}" ${describe(deviation)}`).join(", ");
  return `every layer agrees where its result is asked for, but the model as a whole departs: ${named}`;
}

const describe = (deviation: Deviation): string =>
  deviation.kind === "other" ? deviation.what : `differs by ${showDeviation(deviation)}`;
