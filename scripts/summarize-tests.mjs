// Reads jest's JSON results, names what failed, and ends with one line: "N passed, M failed, K skipped".
//   node scripts/summarize-tests.mjs results.json [other steps that failed...]
import { readFileSync } from "node:fs";
import path from "node:path";

const [file, ...steps] = process.argv.slice(2);
const results = read(file);
const failed = results.testResults.flatMap(failuresOf);

for (const step of steps) console.log(`failed step: ${step}`);
for (const name of failed) console.log(`failed test: ${name}`);
const skipped = results.numPendingTests + results.numTodoTests;
console.log(`${results.numPassedTests} passed, ${failed.length} failed, ${skipped} skipped`);
process.exitCode = failed.length > 0 || steps.length > 0 || results.numPassedTests === 0 ? 1 : 0;

/** Jest leaves the file empty when it could not start. */
function read(name) {
  try {
    return JSON.parse(readFileSync(name, "utf8"));
  } catch {
    return { testResults: [], numPassedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}

/** Failed tests of one file; the file itself when it could not be run. */
function failuresOf({ name, status, assertionResults }) {
  const where = path.relative(process.cwd(), name);
  const tests = assertionResults.filter((test) => test.status === "failed").map((test) => `${where}: ${test.fullName}`);
  return tests.length === 0 && status === "failed" ? [`${where}: could not be run`] : tests;
}
