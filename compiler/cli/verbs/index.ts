/** The verbs that are values. */
import { benchVerb } from "./bench.ts";
import { diffVerb } from "./diff.ts";
import type { Verb } from "./verb.ts";
import { verifyVerb } from "./verify.ts";

export const verbs: readonly Verb[] = [verifyVerb, benchVerb, diffVerb];
