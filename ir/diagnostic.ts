/** What a user is told. What a code means is documentation (diagnostic-table.ts); the message of one diagnostic says what was seen. */
import type { DiagnosticCode } from "./diagnostic-table.ts";

export type { DiagnosticCode } from "./diagnostic-table.ts";

export type Severity = "error" | "warning" | "note";

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  /** one sentence, in the words of the user's model */
  readonly message: string;
  /** the ONNX node, layer or value that it is about */
  readonly subject?: string;
  /** what the user can do */
  readonly hint?: string;
  /** for programs that read it: what is short, where a model does not fit */
  readonly shortage?: Shortage;
}

/** What a layer, or a model, is short of. */
export interface Shortage {
  /** name of the layer; null: all layers together */
  readonly layer: string | null;
  /** the operand that is too large, with its role; null where it is none */
  readonly operand: string | null;
  /** the limit that it meets, as `core.sramBytes` */
  readonly limit: string;
  readonly unit: string;
  readonly have: number;
  /** null: no amount that was tried is enough */
  readonly need: number | null;
  /** changes with which it would fit, each alone; every one was tried */
  readonly changes: readonly string[];
}

/** Carries one or more diagnostics up to the edge (CLI or API), where they are rendered. The only error wsc throws on purpose. */
export class WscError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(renderDiagnostic).join("\n"));
    this.name = "WscError";
    this.diagnostics = diagnostics;
  }
}

/** What a diagnostic says beyond its message. */
export interface DiagnosticDetails {
  readonly subject?: string | undefined;
  readonly hint?: string | undefined;
  readonly shortage?: Shortage | undefined;
}

/** Builds the error for one diagnostic; callers write `throw fail("WSC3004", "…", { subject })`. */
export function fail(code: DiagnosticCode, message: string, more: DiagnosticDetails = {}): WscError {
  return new WscError([diagnostic("error", code, message, more)]);
}

export function diagnostic(
  severity: Severity,
  code: DiagnosticCode,
  message: string,
  more: DiagnosticDetails = {},
): Diagnostic {
  return {
    code,
    severity,
    message,
    ...(more.subject === undefined ? {} : { subject: more.subject }),
    ...(more.hint === undefined ? {} : { hint: more.hint }),
    ...(more.shortage === undefined ? {} : { shortage: more.shortage }),
  };
}

const maxSubjectLength = 120;

/** A name as it may stand in a message: control characters escaped, long ones cut. */
export function showName(name: string): string {
  const clean = JSON.stringify(name).slice(1, -1);
  return clean.length <= maxSubjectLength ? clean : `${clean.slice(0, maxSubjectLength)}… (${name.length} characters)`;
}

/** `error WSC3004: Conv "/layer1/conv": …` with the hint on a line of its own. */
export function renderDiagnostic(d: Diagnostic): string {
  const subject = d.subject === undefined ? "" : `${d.subject}: `;
  const hint = d.hint === undefined ? "" : `\n  help: ${d.hint}`;
  return `${d.severity} ${d.code}: ${subject}${d.message}${hint}`;
}
