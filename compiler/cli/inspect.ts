/** `wsc inspect`: what is in a model, what of it is supported, and where its ops would run. */
import { type Diagnostic, renderDiagnostic, WscError } from "../../ir/diagnostic.ts";
import type { Graph } from "../../ir/graph.ts";
import { elementCount, scalarTensor, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { packedByteLength } from "../../ir/tensor-source.ts";
import { showType } from "../../ir/types.ts";
import { lowerModel, modelPorts } from "../frontend/lower.ts";
import type { OnnxGraph, OnnxModel, OnnxNode } from "../frontend/onnx.ts";
import { readModel } from "../frontend/read-model.ts";
import { subgraphsOf } from "../frontend/free-names.ts";
import { runPasses } from "../passes/pipeline.ts";
import { coverageOf, type CoverageRow } from "./coverage.ts";
import { readDims } from "./assignments.ts";
import { exitCodes, writeError } from "./failure.ts";
import { type Fit, fitOf, fitText } from "./fit.ts";
import { printTable } from "./table.ts";

export interface InspectArguments {
  readonly model: string;
  readonly coverage: boolean;
  readonly target: string | undefined;
  readonly dim: readonly string[];
  readonly json: boolean;
}

export async function inspectModel(given: InspectArguments): Promise<number> {
  const dims = readDims(given.dim);
  const model = await readModel(given.model);
  const summary = summaryOf(model, dims);
  const { problems, warnings, graph } = tryLower(model, dims);
  const coverage = given.coverage && graph !== null ? coverageOf(runPasses(graph)) : null;
  const isAsked = given.target !== undefined && problems.length === 0;
  const fit = isAsked ? await fitOf(model, given.target, { dims }) : null;
  if (given.json) {
    const report = {
      ...summary,
      supported: problems.length === 0,
      problems,
      warnings,
      ...(coverage === null ? {} : { coverage }),
      ...(fit === null ? {} : { fit }),
    };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    print(summary, problems, warnings, coverage);
    if (fit !== null) printFit(fit);
  }
  return problems.length === 0 && fit?.fits !== false ? exitCodes.done : exitCodes.failed;
}

function tryLower(
  model: OnnxModel,
  dims: ReadonlyMap<string, number>,
): {
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  readonly graph: Graph | null;
} {
  try {
    return { problems: [], ...lowerModel(model, { dims, checkOnly: true }) };
  } catch (error) {
    if (error instanceof WscError) return { problems: error.diagnostics, warnings: [], graph: null };
    throw error;
  }
}

function summaryOf(model: OnnxModel, dims: ReadonlyMap<string, number>) {
  const histogram = new Map<string, number>();
  const parameters = { count: 0, bytes: 0 };
  // an explicit stack: subgraphs nest as deep as a file likes
  const bodies = model.functions.map(({ nodes }) => ({ nodes, initializers: new Map<string, TensorData>() }));
  for (const pending: CountedGraph[] = [model.graph, ...bodies]; pending.length > 0;) {
    const graph = pending.pop() as CountedGraph;
    for (const node of graph.nodes) {
      const name = node.domain === "" ? node.opType : `${node.domain}::${node.opType}`;
      histogram.set(name, (histogram.get(name) ?? 0) + 1);
      pending.push(...subgraphsOf(node));
    }
    for (const tensor of weightsOf(graph)) {
      parameters.count += elementCount(tensor.shape);
      parameters.bytes += byteLengthOf(tensor);
    }
  }
  const { inputs, outputs } = modelPorts(model, dims);
  const port = ({ name, type }: (typeof inputs)[number]) => ({ name, type: showType(type) });
  return {
    model: model.source,
    irVersion: model.irVersion,
    opsets: Object.fromEntries(
      [...model.opsets].map(([domain, version]) => [domain === "" ? "ai.onnx" : domain, version]),
    ),
    nodes: [...histogram.values()].reduce((a, b) => a + b, 0),
    parameters,
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    operators: Object.fromEntries([...histogram].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))),
  };
}

/** A graph, or the body of a function, each counted once. */
type CountedGraph = Pick<OnnxGraph, "initializers" | "nodes">;

/** Initializers, and what Constant nodes hold. */
function weightsOf({ initializers, nodes }: CountedGraph): readonly TensorData[] {
  const constants = nodes.filter(({ opType, domain }) => opType === "Constant" && domain === "");
  return [...initializers.values(), ...constants.flatMap(heldBy)];
}

function heldBy(constant: OnnxNode): readonly TensorData[] {
  const [value] = constant.attributes.values();
  switch (value?.kind) {
    case "tensor":
    case "sparse":
      return [value.value];
    case "float":
      return [scalarTensor("f32", value.value)];
    case "int":
      return [scalarTensor("i64", value.value)];
    case "floats":
      return [tensorFrom("f32", [value.value.length], value.value)];
    case "ints":
      return [tensorFrom("i64", [value.value.length], value.value)];
    case "string":
    case "strings": {
      const texts = value.kind === "string" ? [value.value] : value.value;
      return [{ dtype: "string", shape: [texts.length], elements: texts }];
    }
    default:
      return [];
  }
}

/** Bytes of a tensor in a file: types of less than a byte are packed, strings are UTF-8. */
function byteLengthOf(tensor: TensorData): number {
  if (tensor.dtype !== "string") return packedByteLength(tensor);
  return (tensor.elements as readonly string[]).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Bytes for people. */
const showBytes = (bytes: number): string =>
  bytes < 2 ** 33 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function printFit(fit: Fit): void {
  for (const problem of fit.problems) writeError(renderDiagnostic(problem));
  process.stdout.write(`${fitText(fit)}\n`);
}

function print(
  summary: ReturnType<typeof summaryOf>,
  problems: readonly Diagnostic[],
  warnings: readonly Diagnostic[],
  coverage: readonly CoverageRow[] | null,
): void {
  const line = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const opsets = Object.entries(summary.opsets).map(([domain, version]) => `${domain} ${version}`);
  line(`${summary.model}: IR ${summary.irVersion}, opset ${opsets.join(", ")}; ${summary.nodes} nodes`);
  line(`${summary.parameters.count} parameters (${showBytes(summary.parameters.bytes)})`);
  for (const { name, type } of summary.inputs) line(`input   ${JSON.stringify(name)} : ${type}`);
  for (const { name, type } of summary.outputs) line(`output  ${JSON.stringify(name)} : ${type}`);
  line(
    Object.entries(summary.operators)
      .map(([name, count]) => `${name} ${count}`)
      .join(", "),
  );
  if (coverage !== null)
    printTable(
      ["ops", "kind", "runs on", "why"],
      coverage.map((row) => [String(row.count), row.kind, row.where, row.reason]),
    );
  for (const problem of [...problems, ...warnings]) writeError(renderDiagnostic(problem));
  line(
    problems.length === 0
      ? "supported"
      : `not supported: ${problems.length} problem${problems.length === 1 ? "" : "s"}`,
  );
}
