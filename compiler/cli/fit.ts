/** Whether a model fits a machine, from its shapes: what `wsc inspect --target` says. Rectangles are not packed, so that the cycles are a bound. */
import { type Diagnostic, WscError } from "../../ir/diagnostic.ts";
import { clockHz } from "../../ir/machine/target.ts";
import type { OnnxModel } from "../frontend/onnx.ts";
import { type CompileOptions, lowerRead, prepareModel } from "../compile.ts";
import { leastInterval } from "../placement/prepare.ts";

export interface Fit {
  readonly target: string;
  readonly fits: boolean;
  /** layers on the wafer, and ops that stay on the host; null where the model is refused before it has layers */
  readonly layers: number | null;
  readonly hostOps: number | null;
  /** cycles between samples that no placement as a pipeline goes below; null where it does not fit */
  readonly leastCycles: number | null;
  readonly leastMicroseconds: number | null;
  /** which layers do not fit, what they lack, what would help */
  readonly problems: readonly Diagnostic[];
}

/** Asks whether a model that was read has room as a pipeline; throws what is wrong with the model or the target themselves. */
export async function fitOf(model: OnnxModel, target: string, options: CompileOptions): Promise<Fit> {
  const lowered = { ...(await lowerRead(model, null, options)), files: [] };
  try {
    const { prepared, kernels, target: machine } = await prepareModel(lowered, { ...options, target });
    const leastCycles = leastInterval(prepared);
    return {
      target: machine.name,
      fits: true,
      layers: kernels.kernels.length,
      hostOps: kernels.host.length,
      leastCycles,
      leastMicroseconds: (leastCycles / clockHz(machine)) * 1e6,
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof WscError) || error.diagnostics.some(({ code }) => code !== "WSC5002")) throw error;
    const nothing = { layers: null, hostOps: null, leastCycles: null, leastMicroseconds: null };
    return { target, fits: false, ...nothing, problems: error.diagnostics };
  }
}

/** A line for people. */
export function fitText({ target, fits, layers, leastCycles, leastMicroseconds, problems }: Fit): string {
  if (!fits || layers === null || leastCycles === null || leastMicroseconds === null)
    return `does not fit ${target}: ${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  return `fits ${target}: ${layers} layers, ${leastCycles} cycles or more between samples (${leastMicroseconds.toFixed(2)} µs); wsc compile places them`;
}
