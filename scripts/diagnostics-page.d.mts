import type { DiagnosticEntry } from "../ir/diagnostic-table.ts";

/** docs/diagnostics.md, as the table of codes says. */
export function printDiagnosticsPage(table: Readonly<Record<string, DiagnosticEntry>>): string;
