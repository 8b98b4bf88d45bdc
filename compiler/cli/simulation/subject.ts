/** What is simulated: the fabric program of a compiled folder, or a rectangle of it, and the numbers that go in. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName, WscError } from "../../../ir/diagnostic.ts";
import { cutProgram, type ProgramPart, rectOfLayer } from "../../../ir/fabric/cut.ts";
import { coreCount, type FabricProgram } from "../../../ir/fabric/program.ts";
import { verifyFabric } from "../../../ir/fabric/verify.ts";
import type { Graph, ValueId } from "../../../ir/graph.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { nameHint } from "../../../ir/nearest.ts";
import type { Placement, Rect } from "../../../ir/placement.ts";
import { artifactFiles } from "../../../runtime/artifact.ts";
import { simulatedConstants, unpackConstants } from "../../fabric/constants.ts";
import { lowerFabric } from "../../fabric/lower.ts";
import { readArtifact } from "../../read-artifact.ts";
import { loadTarget } from "../../targets/load.ts";

export interface Subject {
  readonly graph: Graph;
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
  /** of the whole model */
  readonly program: FabricProgram;
  /** null: the model has more constants than a folder keeps for simulations */
  readonly constants: ReadonlyMap<ValueId, Float32Array> | null;
}

/** Reads a folder, lowers its placement and verifies the program. WSC7004 for what is missing, altered or of another version. */
export async function readSubject(folder: string, targetName: string | undefined): Promise<Subject> {
  const { graph, kernels, placement } = await readArtifact(folder);
  const target = await loadTarget(targetName ?? placement.target.name);
  const constants = await constantsIn(folder, graph, kernels);
  const program = lowerFabric({ graph: withConstants(graph, constants), kernels, placement, target });
  const faults = verifyFabric(program);
  if (faults.length > 0) throw new WscError(faults);
  return { graph, kernels, placement, target, program, constants };
}

async function constantsIn(
  folder: string,
  graph: Graph,
  kernels: KernelGraph,
): Promise<ReadonlyMap<ValueId, Float32Array> | null> {
  const block = await readFile(path.join(folder, artifactFiles.fabric)).catch(() => {
    throw fail("WSC7004", "the folder holds no constants for a simulation", {
      subject: artifactFiles.fabric,
      hint: "compile the model again",
    });
  });
  if (simulatedConstants(graph, kernels) === null && block.byteLength === 0) return null;
  return unpackConstants(graph, kernels, block);
}

/** A graph whose named constants are known to be at hand; without their numbers, where only times are asked for. */
const withConstants = (graph: Graph, constants: ReadonlyMap<ValueId, Float32Array> | null): Graph => ({
  ...graph,
  values: graph.values.map((value, id) => {
    if (value.type.kind !== "tensor") return value;
    const isNamed = value.resource !== undefined && value.type.dtype === "f32";
    const elements = constants === null ? (isNamed ? new Float32Array(0) : undefined) : constants.get(id);
    if (elements === undefined) return value;
    const { dtype, shape } = value.type;
    return { type: value.type, name: value.name, constant: { dtype, shape, elements } };
  }),
});

export const coresOf = ({ roles }: FabricProgram): number =>
  roles.reduce((sum, { cores }) => sum + coreCount(cores), 0);

/** The part that `--rect` or `--layer` names; null where neither is given. */
export function partOf(
  { program }: Subject,
  { rect, layer }: { readonly rect: string | undefined; readonly layer: string | undefined },
): { readonly part: ProgramPart; readonly rect: Rect } | null {
  if (rect !== undefined && layer !== undefined)
    throw fail("WSC8001", "--rect and --layer both say which part is simulated", { hint: "give one of them" });
  const found = rect === undefined ? (layer === undefined ? null : layerRect(program, layer)) : readRect(rect);
  return found === null ? null : { part: cutProgram(program, found), rect: found };
}

function readRect(text: string): Rect {
  const [x, y, width, height, ...rest] = text
    .split(",")
    .map((part) => (/^\s*\d{1,5}\s*$/.test(part) ? Number(part) : -1));
  const isRect = x !== undefined && y !== undefined && width !== undefined && height !== undefined && rest.length === 0;
  if (!isRect || Math.min(x, y) < 0 || Math.min(width, height) < 1)
    throw fail("WSC8001", `--rect takes X,Y,WIDTH,HEIGHT, not "${showName(text)}"`);
  return { x, y, width, height };
}

function layerRect(program: FabricProgram, name: string): Rect {
  const index = program.layers.indexOf(name);
  const rect = index < 0 ? null : rectOfLayer(program, index);
  if (rect !== null) return rect;
  throw fail("WSC8001", `the program has no layer "${showName(name)}"`, {
    hint: nameHint(name, "layers", program.layers),
  });
}
