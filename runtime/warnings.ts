/** Warnings of a session: on the console, one of a kind for each subject, unless the caller wants less said. */
import { type Diagnostic, renderDiagnostic } from "../ir/diagnostic.ts";

/** onnxruntime's levels, by their number; what is less severe than the one chosen is not said. */
const levels = ["verbose", "info", "warning", "error", "fatal"] as const;
const warningLevel = levels.indexOf("warning");

/** What a caller says of what is logged, in onnxruntime's words: a session's own level goes before that of all. */
export interface LogSettings {
  readonly logSeverityLevel?: unknown;
  readonly logLevel?: string | undefined;
}

export class Warnings {
  readonly #isSilent: boolean;
  readonly #said = new Set<string>();

  constructor({ logSeverityLevel, logLevel }: LogSettings) {
    const known = levels.findIndex((level) => level === logLevel);
    const general = known < 0 ? warningLevel : known;
    this.#isSilent = (typeof logSeverityLevel === "number" ? logSeverityLevel : general) > warningLevel;
  }

  say(warning: Diagnostic): void {
    const kind = `${warning.code} ${warning.subject ?? warning.message}`;
    if (this.#isSilent || this.#said.has(kind)) return;
    this.#said.add(kind);
    console.warn(renderDiagnostic(warning));
  }
}
