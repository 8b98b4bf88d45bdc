/** From what the page was given to a compiled model: compiler/compile.ts without files, with the search's best told as it goes. */
import { fail, showName } from "../../../ir/diagnostic.ts";
import { packedByteLength } from "../../../ir/tensor-source.ts";
import type { Placement } from "../../../ir/placement.ts";
import { showType } from "../../../ir/types.ts";
import {
  adoptPlacement,
  type CompiledModel,
  type CompileOptions,
  type LoweredModel,
  lowerSource,
  modelNameOf,
  placeModel,
  tunedProgram,
} from "../../compile.ts";
import { refuseOversized } from "../../codegen/weight-bound.ts";
import { checkRange } from "../../frontend/external-data.ts";
import type { ExternalFiles, ModelBytes } from "../../frontend/model-source.ts";
import type { OnnxModel } from "../../frontend/onnx.ts";
import { searchGuard } from "../../search-guard.ts";
import { presetTarget } from "../../targets/presets.ts";
import { encodeModel } from "../../write-onnx.ts";
import { lenet, resnet18 } from "../examples/made-model.ts";
import type { Event, Inspected, MadeModel, ModelChoice, PlaceSettings } from "../messages.ts";

const makers: Readonly<Record<MadeModel, () => OnnxModel>> = { lenet, resnet18 };

/** Compiles, with the placement that is given or one that is searched for. */
export async function compileChoice(
  choice: ModelChoice,
  settings: PlaceSettings,
  stopped: Placement | null,
  tell: (event: Event) => void,
): Promise<CompiledModel> {
  const options: CompileOptions = {
    target: presetTarget(settings.target),
    objective: settings.objective,
    dims: settings.dims,
    ...searchLimits(settings),
    onStage: (stage) => {
      tell({ kind: "stage", stage });
    },
    onProgress: (step, detail) => {
      tell({ kind: "step", step, detail });
    },
  };
  const lowered = named(await lowerSource(await sourceOf(choice), options), choice);
  refuseOversized(lowered.graph);
  tell({ kind: "inspected", inspected: inspect(lowered) });
  const start = performance.now();
  let last: Placement | null = stopped;
  const onFound = (placement: Placement): void => {
    last = placement;
    tell({ kind: "found", found: { placement, seconds: (performance.now() - start) / 1000 } });
  };
  const placed =
    stopped === null
      ? await placeModel(lowered, { ...options, onFound })
      : await adoptPlacement(lowered, stopped, options);
  // what comes out may be of another mode, or proven further, than the last that was found on the way
  if (!hasSameGoal(last, placed.placement)) onFound(placed.placement);
  tell({ kind: "stage", stage: "program" });
  const { compiled, warnings } = await tunedProgram(placed.graph, new Map(), { kernels: placed.kernels });
  return {
    ...placed,
    warnings: [...placed.warnings, ...warnings],
    compiled,
    tuning: new Map(),
    tuneReport: null,
  };
}

const hasSameGoal = (a: Placement | null, b: Placement): boolean =>
  a !== null &&
  a.mode.kind === b.mode.kind &&
  a.certificate.goal.value === b.certificate.goal.value &&
  a.certificate.goal.bound === b.certificate.goal.bound;

/** As the command line has it: a limit that was asked for is used while the placement can still be better. */
const searchLimits = ({
  timeLimitSeconds,
}: PlaceSettings): Pick<CompileOptions, "timeLimitSeconds" | "effortSeconds"> =>
  timeLimitSeconds === null
    ? { timeLimitSeconds: searchGuard() }
    : { timeLimitSeconds, effortSeconds: timeLimitSeconds };

async function sourceOf(choice: ModelChoice): Promise<ModelBytes> {
  if (choice.kind === "made") {
    return { bytes: await encodeModel(makers[choice.model]()), name: choice.model, owned: true };
  }
  const { name, file, external } = choice;
  return { bytes: await bytesOf(file), name, owned: true, readExternal: readFrom(external) };
}

const bytesOf = async (file: Blob): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());

/** External data by the name of its file: a page knows no folders. */
const readFrom =
  (files: ReadonlyMap<string, Blob>): ExternalFiles["read"] =>
  async (location, offset, length, subject) => {
    const file = files.get(location.replace(/^.*[/\\]/, ""));
    if (file === undefined) {
      throw fail("WSC1006", `its data is in the external file "${showName(location)}", which was not given`, {
        subject,
        hint: "choose that file together with the model",
      });
    }
    checkRange(location, offset, length, file.size, subject);
    return bytesOf(file.slice(offset, offset + length));
  };

/** What the compiler calls a model that comes from bytes is what its exporter called it; people know it by its file. */
function named(lowered: LoweredModel, choice: ModelChoice): LoweredModel {
  const name = choice.kind === "made" ? choice.model : modelNameOf(choice.name);
  return name === null ? lowered : { ...lowered, graph: { ...lowered.graph, name } };
}

function inspect({ graph, warnings }: LoweredModel): Inspected {
  const port = ({ name, value }: (typeof graph.inputs)[number]): string => {
    const type = graph.values[value]?.type;
    return type === undefined ? name : `${name}: ${showType(type)}`;
  };
  return {
    name: graph.name,
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    ops: graph.ops.length,
    weightBytes: graph.values.reduce(
      (sum, { constant }) => (constant == null ? sum : sum + packedByteLength(constant)),
      0,
    ),
    warnings,
  };
}
