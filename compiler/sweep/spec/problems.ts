/** What is wrong with a specification, as diagnostics: all of it at once. */
import { type Diagnostic, diagnostic, showName, WscError } from "../../../ir/diagnostic.ts";
import { nameHint } from "../../../ir/nearest.ts";

export class Problems {
  readonly #subject: string;
  readonly #found: Diagnostic[] = [];

  constructor(file: string) {
    this.#subject = showName(file);
  }

  add(message: string, hint?: string): void {
    this.#found.push(diagnostic("error", "WSC8101", message, { subject: this.#subject, hint }));
  }

  /** A name that is none of those that are known. */
  addUnknown(what: string, name: string, plural: string, known: readonly string[]): void {
    this.add(`${what} "${showName(name)}" is unknown`, nameHint(name, plural, known));
  }

  /** Throws what was found. */
  throwAny(): void {
    if (this.#found.length > 0) throw new WscError(this.#found);
  }
}
