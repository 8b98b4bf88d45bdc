/**
 * What a user is told. Codes are stable and grouped by stage in `diagnosticTable`; the text of a code's summary is documentation,
 * the message of one diagnostic says what was seen.
 */

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

/** Code -> what it means. WSC1xxx reading, 2xxx graph, 3xxx operators, 4xxx passes, 5xxx placement, 6xxx codegen, 7xxx run time, 8xxx command line. */
export const diagnosticTable = {
  WSC1001: "the file cannot be read",
  WSC1002: "the file is no ONNX model",
  WSC1003: "the model's header is missing or contradictory",
  WSC1004: "the opset is not supported",
  WSC1005: "a tensor's data does not fit its dims and type",
  WSC1006: "external data cannot be used",
  WSC1007: "an element type is not supported",
  WSC1008: "a model-local function cannot be inlined",
  WSC1009: "a size is beyond what this machine or WebAssembly can hold",
  WSC1010: "no such model, or its configuration is missing something or contradicts itself",
  WSC1011: "a context is longer than the model was made for",
  WSC2001: "a node reads a value that nothing defines",
  WSC2002: "two definitions share one name",
  WSC2003: "the graph has a cycle",
  WSC2004: "a declared type or shape contradicts the inferred one",
  WSC2005: "a symbolic dimension is not bound",
  WSC2006: "the intermediate representation is malformed",
  WSC2007: "text of an intermediate form cannot be parsed",
  WSC3001: "the operator is not supported",
  WSC3002: "an attribute is missing, unknown or of the wrong type",
  WSC3003: "a node has the wrong number of inputs or outputs",
  WSC3004: "shapes do not fit the operator",
  WSC3005: "element types do not fit the operator",
  WSC3006: "an attribute's value is out of range",
  WSC4001: "a pass left an invalid graph",
  WSC5001: "the target description is not valid",
  WSC5002: "the model does not fit the target",
  WSC5003: "the placement is not legal",
  WSC5004: "the solver found no answer in its limits",
  WSC5005: "a constraint on the placement is not valid",
  WSC5006: "the fabric program is not legal",
  WSC5007: "a layer cannot become a fabric program",
  WSC5008: "a question to the cost models is not valid",
  WSC6001: "no kernel can be generated for an operation",
  WSC6002: "a tuning file is not valid",
  WSC6003: "a tuning does not apply",
  WSC7001: "an input is missing",
  WSC7002: "an input has the wrong shape or type",
  WSC7003: "a name is unknown",
  WSC7004: "the compiled program cannot be loaded",
  WSC7005: "a value at run time is out of range",
  WSC7006: "a session is used after its release",
  WSC7007: "a session option has a value that it cannot take",
  WSC7008: "a loop does not end",
  WSC7009: "the engine joins vectors wrongly",
  WSC7010: "the simulated wafer does not come to its end",
  WSC7011: "the compiler cannot be started in a page",
  WSC8001: "wrong usage of the command line",
  WSC8002: "a file is not written there: something else stands in its place",
  WSC8003: "the file system refuses",
  WSC8101: "the specification of a sweep is not valid",
  WSC8102: "the queue of a sweep cannot be used",
  WSC8103: "a worker and a sweep are of different versions",
  WSC8104: "the store of a sweep cannot be used",
  WSC8105: "jobs of a sweep have failed",
  WSC8106: "a sweep's folder cannot be used",
  WSC9001: "a defect in wsc",
} as const;

export type DiagnosticCode = keyof typeof diagnosticTable;

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
