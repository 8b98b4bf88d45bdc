// Runs the ONNX backend tests through wsc/runtime with the shared runner, prints what fails and the totals, and compares with the list
// of passing cases in test/golden/conformance/passing.txt: exit 1 when one of them no longer passes.
//   npm run conformance [-- -u] [-- --filter REGEX --jobs 2 ...]   -u accepts what passes now as the list, and writes README's table;
//                                                                 other options go to the runner
//   npm run conformance:light                                     the nine light networks, with seeded weights
// WSC_CONFORMANCE is the folder of the runner (default ../shared/conformance), WSC_CONFORMANCE_DATA the unpacked tests (default: unpacked
// to a temporary folder).
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const golden = path.join(root, "test", "golden", "conformance", "passing.txt");
const readme = path.join(root, "README.md");
const runner = path.resolve(process.env.WSC_CONFORMANCE ?? path.join(root, "..", "shared", "conformance"));
const light = process.argv[2] === "--light";
const given = process.argv.slice(light ? 3 : 2);
const accepts = given.includes("-u");
const options = given.filter((option) => option !== "-u");
/** Options that leave cases out: what is missing then says nothing. */
const isPartial = options.some((option) => ["--filter", "--exclude", "--list", "--limit", "--data"].includes(option));

if (!existsSync(path.join(runner, "run-suite.mjs"))) {
  console.error(`there is no runner in ${runner}: WSC_CONFORMANCE names its folder`);
  process.exit(1);
}
if (accepts && (isPartial || light)) {
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
  const file = path.join(scratch, "results.json");
  const status = run(backendData(), ["--json", file]);
  if (!existsSync(file)) return status || 1;
  const results = JSON.parse(readFileSync(file, "utf8"));
  if (accepts) {
    accept(results);
    return status;
  }
  return compare(results) ? status : 1;
}

function passing({ cases }) {
  const passed = cases.filter(({ status }) => status === "pass");
  return passed.map(({ id }) => id).sort();
}

/** Whether everything on the list passes; says what does not, and what the list could gain. */
function compare(results) {
  const listed = existsSync(golden) ? readFileSync(golden, "utf8").split("\n").filter(Boolean) : [];
  const found = new Map(results.cases.map((entry) => [entry.id, entry]));
  const lost = listed.filter((id) => found.has(id) ? found.get(id).status !== "pass" : !isPartial); // prettier-ignore
  const known = new Set(listed);
  const gained = passing(results).filter((id) => !known.has(id));
  for (const id of lost) console.log(`no longer passes: ${id}: ${found.get(id)?.reason ?? "it was not run"}`);
  for (const id of gained) console.log(`passes, is not on the list: ${id}`);
  console.log(`${lost.length} of ${listed.length} listed cases no longer pass, ${gained.length} more do; npm run conformance -- -u accepts`); // prettier-ignore
  return lost.length === 0;
}

function accept(results) {
  const ids = passing(results);
  mkdirSync(path.dirname(golden), { recursive: true });
  writeFileSync(golden, ids.join("\n") + "\n");
  const marked = /(<!-- conformance: [^>]* -->\n)[^]*?(<!-- end of conformance -->)/u;
  writeFileSync(readme, readFileSync(readme, "utf8").replace(marked, (_, begin, end) => `${begin}\n${table(results)}\n\n${end}`)); // prettier-ignore
  console.log(`${ids.length} passing cases are now the list`);
}

/** The figures of other runtimes as the runner's README has them, wsc's above them. */
function table({ totals, backend }) {
  const rows = readFileSync(path.join(runner, "README.md"), "utf8").split("\n").filter((line) => line.startsWith("|")); // prettier-ignore
  const [header = "", rule = "", ...others] = rows;
  const groups = header.split("|").slice(2, -1).map((title) => title.trim().split(" ")[0]); // prettier-ignore
  const cells = groups.map((group) => totals[group]?.pass ?? "");
  return [header, rule, `| ${backend.name} ${backend.version} | ${cells.join(" | ")} |`, ...others].join("\n");
}
