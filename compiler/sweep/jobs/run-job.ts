/** Does a job: from its description to figures and files. What a model or a machine is refused for is a result; what the machine here is at fault for is thrown. */
import { type Diagnostic, type DiagnosticCode, WscError } from "../../../ir/diagnostic.ts";
import type { Scalar } from "../../axes.ts";
import { actions, type Kept } from "../spec/actions.ts";
import type { Digest } from "./digest.ts";
import type { Job, ModelRef, Outcome } from "./job.ts";
import type { Workshop } from "./workshop.ts";

/** What an action gives: figures, and the texts of the files that are kept. */
export interface Made {
  readonly figures: Readonly<Record<string, Scalar>>;
  readonly files: Readonly<Partial<Record<Kept, string>>>;
}

/** Diagnostics of this machine, not of the job. */
const passing: ReadonlySet<DiagnosticCode> = new Set(["WSC8002", "WSC8003", "WSC8104", "WSC9001"]);

export async function runJob(job: Job, workshop: Workshop): Promise<Outcome> {
  let made: Made;
  try {
    made = await runAction(job, workshop);
  } catch (error) {
    if (!(error instanceof WscError) || error.diagnostics.some(({ code }) => passing.has(code))) throw error;
    return { kind: "refused", diagnostics: await withoutPaths(error.diagnostics, job.model, workshop) };
  }
  const expected = Object.keys(actions[job.action].figures);
  const absent = expected.find((name) => !Object.hasOwn(made.figures, name));
  if (absent !== undefined) throw new Error(`internal: ${job.action} gives no ${absent}`);
  const files: Partial<Record<Kept, Digest>> = {};
  for (const kept of job.keep) {
    const text = made.files[kept];
    if (text === undefined) throw new Error(`internal: ${job.action} makes no ${kept}`);
    files[kept] = await workshop.store.put(text);
  }
  return { kind: "done", figures: made.figures, files };
}

async function runAction(job: Job, workshop: Workshop): Promise<Made> {
  switch (job.action) {
    case "plan":
      return (await import("./run-plan.ts")).runPlan(job, workshop);
    case "place":
    case "compile":
      return (await import("./run-placement.ts")).runPlacement(job, workshop);
    case "partition":
      return (await import("./run-partition.ts")).runPartition(job, workshop);
    case "simulate":
      return (await import("./run-simulation.ts")).runSimulation(job, workshop);
  }
}

/** Messages that name the model by its label: a result is the same on all machines, and tells nobody's folders. */
async function withoutPaths(
  diagnostics: readonly Diagnostic[],
  model: ModelRef,
  workshop: Workshop,
): Promise<readonly Diagnostic[]> {
  if (model.kind !== "onnx") return diagnostics.map(plain);
  const file = await workshop.modelFile(model);
  const clean = (text: string): string => text.replaceAll(file, model.label);
  return diagnostics.map((problem) => {
    const { message, subject, hint, ...rest } = plain(problem);
    return {
      ...rest,
      message: clean(message),
      ...(subject === undefined ? {} : { subject: clean(subject) }),
      ...(hint === undefined ? {} : { hint: clean(hint) }),
    };
  });
}

const plain = ({ shortage: _, ...problem }: Diagnostic): Diagnostic => problem;
