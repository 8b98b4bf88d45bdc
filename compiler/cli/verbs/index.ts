/** The verbs that are values. */
import { benchVerb } from "./bench.ts";
import { diffVerb } from "./diff.ts";
import { inspectVerb } from "./inspect.ts";
import { opsVerb } from "./ops.ts";
import { partitionVerb } from "./partition.ts";
import { placeVerb } from "./place.ts";
import { runVerb } from "./run.ts";
import { simulateVerb } from "./simulate.ts";
import { targetsVerb } from "./targets.ts";
import { validateVerb } from "./validate.ts";
import type { Verb } from "./verb.ts";
import { verifyVerb } from "./verify.ts";

export const verbs: readonly Verb[] = [
  runVerb,
  inspectVerb,
  verifyVerb,
  benchVerb,
  simulateVerb,
  diffVerb,
  placeVerb,
  partitionVerb,
  validateVerb,
  targetsVerb,
  opsVerb,
];
