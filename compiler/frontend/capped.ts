/** Long lists of diagnostics, cut. */
import { diagnostic, type Diagnostic } from "../../ir/diagnostic.ts";

const maxReported = 20;

/** The first of many diagnostics, and how many more there are. */
export function capped(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const more = diagnostics.length - maxReported;
  if (more <= 0) return diagnostics;
  return [...diagnostics.slice(0, maxReported), diagnostic("note", "WSC2006", `${more} more problems are not shown`)];
}
