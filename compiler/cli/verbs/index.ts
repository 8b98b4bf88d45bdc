/** The verbs of `wsc`, in the order of its help. */
import { benchVerb } from "./bench.ts";
import { compareVerb } from "./compare.ts";
import { compileVerb } from "./compile.ts";
import { diffVerb } from "./diff.ts";
import { fleetVerb } from "./fleet.ts";
import { inspectVerb } from "./inspect.ts";
import { modelVerb } from "./model.ts";
import { opsVerb } from "./ops.ts";
import { partitionVerb } from "./partition.ts";
import { placeVerb } from "./place.ts";
import { planVerb } from "./plan.ts";
import { profileVerb } from "./profile.ts";
import { reportVerb } from "./report.ts";
import { runVerb } from "./run.ts";
import { simulateVerb } from "./simulate.ts";
import { sweepVerb } from "./sweep.ts";
import { targetsVerb } from "./targets.ts";
import { validateVerb } from "./validate.ts";
import type { Verb } from "./verb.ts";
import { verifyVerb } from "./verify.ts";
import { workerVerb } from "./worker.ts";

export const verbs: readonly Verb[] = [
  compileVerb,
  runVerb,
  inspectVerb,
  verifyVerb,
  benchVerb,
  profileVerb,
  simulateVerb,
  diffVerb,
  reportVerb,
  placeVerb,
  partitionVerb,
  modelVerb,
  planVerb,
  compareVerb,
  fleetVerb,
  sweepVerb,
  workerVerb,
  validateVerb,
  targetsVerb,
  opsVerb,
];
