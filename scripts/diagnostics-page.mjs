/** docs/diagnostics.md, from the table of codes. `npm run docs:diagnostics` writes it; test/docs compares. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** What a code's first digit says. */
const stages = new Map([
  ["1", "Reading"],
  ["2", "Graphs"],
  ["3", "Operators"],
  ["4", "Passes"],
  ["5", "Placement"],
  ["6", "Code generation"],
  ["7", "Running"],
  ["8", "Command line and sweeps"],
  ["9", "Defects"],
]);

const head = `# Diagnostics

Written by \`npm run docs:diagnostics\` from \`ir/diagnostic-table.ts\`. A diagnostic has a severity, a code, what it is about, and a hint where something can be done:

    error WSC3001: Frobnicate "layer/odd": operator Frobnicate is not supported
      help: what can be done

All diagnostics of a stage come at once. Errors end a command with exit code 1 (wrong usage: 2, a defect of wsc: 70); warnings and notes do not. In a build script they are the
\`diagnostics\` of a \`WscError\`. Codes are stable, messages are not.
`;

/** @param {Readonly<Record<string, import("../ir/diagnostic-table.ts").DiagnosticEntry>>} table */
export function printDiagnosticsPage(table) {
  const entries = Object.entries(table);
  const sections = [...stages].flatMap(([digit, title]) => {
    const own = entries.filter(([code]) => code.startsWith(`WSC${digit}`));
    return [`## ${title}`, ...own.map(([code, entry]) => printEntry(code, entry))];
  });
  return `${[head.trimEnd(), ...sections].join("\n\n")}\n`;
}

const printEntry = (code, { summary, meaning, remedy, example }) =>
  `### ${code}: ${summary}\n\n${meaning}\n\n**What to do.** ${remedy}\n\n    ${example}`;

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = path.join(import.meta.dirname, "..");
  const { diagnosticTable } = await import(pathToFileURL(path.join(root, "dist", "ir", "diagnostic-table.js")).href);
  writeFileSync(path.join(root, "docs", "diagnostics.md"), printDiagnosticsPage(diagnosticTable));
}
