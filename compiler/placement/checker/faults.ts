/** What the checker collects. */
import { type Diagnostic, diagnostic } from "../../../ir/diagnostic.ts";

/** Faults listed at most; one broken rectangle can break every route. */
const maxFaults = 20;

export class Faults {
  readonly list: Diagnostic[] = [];

  add(subject: string, message: string): void {
    if (this.list.length < maxFaults) this.list.push(diagnostic("error", "WSC5003", message, { subject }));
  }
}
