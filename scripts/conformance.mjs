// Runs the ONNX backend tests, the cases by kind and the checks of the API through wsc/runtime with the shared runner, prints what fails and the
// totals, and compares with the lists of what passes in test/golden/conformance: exit 1 when one of them no longer passes.
//   npm run conformance [-- -u] [-- --filter REGEX --jobs 2 ...]   -u accepts what passes now as the lists, and writes README's tables;
//                                                                 other options go to the runner
//   node scripts/conformance.mjs --small                          all but the ONNX backend tests: seconds instead of minutes
//   npm run conformance:light                                     the nine light networks, with seeded weights
// WSC_CONFORMANCE is the folder of the runner (default ../shared/conformance), WSC_CONFORMANCE_DATA the unpacked tests (default: unpacked
// to a temporary folder), WSC_CASES the folder of the cases by kind (default: cases beside the runner).
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = path.join(root, "README.md");
const runner = path.resolve(process.env.WSC_CONFORMANCE ?? path.join(root, "..", "shared", "conformance"));
const cases = path.resolve(process.env.WSC_CASES ?? path.join(runner, "..", "cases"));
const [first] = process.argv.slice(2);
const light = first === "--light";
const small = first === "--small";
const given = process.argv.slice(light || small ? 3 : 2);
const accepts = given.includes("-u");
const options = given.filter((option) => option !== "-u");
/** Options that leave cases out: what is missing then says nothing. */
const isPartial = options.some((option) => ["--filter", "--exclude", "--list", "--limit", "--data"].includes(option));

/** What is run, each with the list of what passes. */
const suites = [
  { title: "ONNX backend tests", list: "passing.txt", results: () => suiteResults(backendData()) },
  { title: "cases by kind", list: "cases.txt", results: () => suiteResults(path.join(cases, "models")) },
  { title: "checks of the API", list: "api.txt", results: apiResults },
];

if (!existsSync(path.join(runner, "run-suite.mjs"))) {
  console.error(`there is no runner in ${runner}: WSC_CONFORMANCE names its folder`);
  process.exit(1);
}
if (accepts && (isPartial || light || small)) {
  console.error("-u needs a run of all cases");
  process.exit(1);
}

const scratch = mkdtempSync(path.join(os.tmpdir(), "wsc-conformance-"));
try {
  process.exitCode = light ? run(lightData(), ["--timeout", "300", "--jobs", "1"]) : conformance();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function backendData() {
  if (process.env.WSC_CONFORMANCE_DATA !== undefined) return process.env.WSC_CONFORMANCE_DATA;
  execFileSync("tar", ["xf", path.join(runner, "onnx-backend-data.tar.xz"), "-C", scratch]);
  return path.join(scratch, "onnx-backend-data");
}

/** The light networks have constant weights, which forgive too much; this gives them seeded ones. */
function lightData() {
  const from = path.join(backendData(), "light");
  const refs = path.join(runner, "light-random-refs");
  const make = path.join(runner, "make-light-random.mjs");
  const args = ["--light", from, "--refs", refs, "--out", scratch, "--max-mb", "700"];
  execFileSync(process.execPath, [make, ...args], { stdio: "inherit" });
  return path.join(scratch, "light-random");
}

function run(data, more) {
  const backend = `module:${path.join(runner, "backends", "wsc.mjs")}`;
  const args = [path.join(runner, "run-suite.mjs"), "--data", data, "--backend", backend, ...more, ...options];
  const { status } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, WSC_DIR: root },
  });
  return status ?? 1;
}

function conformance() {
  const done = suites.slice(small ? 1 : 0).map((suite) => ({ ...suite, ...suite.results() }));
  const failed = done.find(({ status, results }) => status !== 0 || results === null);
  if (accepts && done.every(({ results }) => results !== null)) accept(done);
  const kept = accepts ? [] : done.map(compare);
  return kept.includes(false) ? 1 : (failed?.status ?? 0);
}

/** The runner's results for a folder of cases; null where it did not come to any. */
function suiteResults(data) {
  const file = path.join(scratch, "results.json");
  rmSync(file, { force: true });
  const status = run(data, ["--json", file]);
  return { status, results: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null };
}

/** The same for the checks of the API, of which each prints a line. */
function apiResults() {
  const args = [path.join(cases, "api.mjs"), ...apiFilter()];
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, WSC_DIR: root },
  });
  const lines = stdout.matchAll(/^(ok|FAIL) (\S+) ?(.*)$/gmu);
  const found = [...lines].map(([, word, id, reason]) => ({ id, status: word === "ok" ? "pass" : "fail", reason }));
  for (const { id, status, reason } of found) if (status === "fail") console.log(`fail        api ${id}: ${reason}`);
  return { status: 0, results: stdout === "" ? null : { cases: found } };
}

/** The runner's `--filter` counts for the checks, too. */
function apiFilter() {
  const at = options.indexOf("--filter");
  return at < 0 ? [] : options.slice(at + 1, at + 2);
}

function passing({ cases }) {
  const passed = cases.filter(({ status }) => status === "pass");
  return passed.map(({ id }) => id).sort();
}

function listOf(name) {
  return path.join(root, "test", "golden", "conformance", name);
}

/** Whether everything on a list passes; says what does not, and what the list could gain. */
function compare({ title, list, results }) {
  if (results === null) return false;
  const listed = existsSync(listOf(list)) ? readFileSync(listOf(list), "utf8").split("\n").filter(Boolean) : [];
  const found = new Map(results.cases.map((entry) => [entry.id, entry]));
  const isLost = (id) => (found.has(id) ? found.get(id).status !== "pass" : !isPartial);
  const lost = listed.filter(isLost);
  const known = new Set(listed);
  const gained = passing(results).filter((id) => !known.has(id));
  for (const id of lost) console.log(`no longer passes: ${id}: ${found.get(id)?.reason ?? "it was not run"}`);
  for (const id of gained) console.log(`passes, is not on the list: ${id}`);
  const counts = `${lost.length} of ${listed.length} listed cases no longer pass, ${gained.length} more do`;
  console.log(`${title}: ${counts}; npm run conformance -- -u accepts`);
  return lost.length === 0;
}

function accept(done) {
  for (const { title, list, results } of done) {
    const ids = passing(results);
    mkdirSync(path.dirname(listOf(list)), { recursive: true });
    writeFileSync(listOf(list), ids.join("\n") + "\n");
    console.log(`${title}: ${ids.length} passing cases are now the list`);
  }
  const marked = /(<!-- conformance: [^>]* -->\n)[^]*?(<!-- end of conformance -->)/u;
  const text = readFileSync(readme, "utf8");
  writeFileSync(
    readme,
    text.replace(marked, (_, begin, end) => `${begin}\n${table(done)}\n\n${end}`),
  );
}

/** The figures of other runtimes as the runner's README has them, wsc's above them; then those of what only wsc is run on. */
function table([backend, ...others]) {
  const { totals, backend: runtime } = backend.results;
  const rows = readFileSync(path.join(runner, "README.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  const [header = "", rule = "", ...runtimes] = rows;
  const groups = header
    .split("|")
    .slice(2, -1)
    .map((title) => title.trim().split(" ")[0]);
  const cells = groups.map((group) => totals[group]?.pass ?? "");
  const own = `| ${runtime.name} ${runtime.version} | ${cells.join(" | ")} |`;
  const counts = others.map(
    ({ title, results }) => `| ${title} | ${passing(results).length} of ${results.cases.length} |`,
  );
  return [header, rule, own, ...runtimes, "", "| further suites | pass |", "|---|---|", ...counts].join("\n");
}
