// npm run bench:kernels: the kernels against onnxruntime-web (and native onnxruntime, where ORT_NODE names its package's folder), one thread,
// as a markdown table. Where the Node that runs it joins vectors (24 and later), so do kernels of ours, in columns of their own. Each model runs in processes of its own: one that alternates the runtimes, one for each runtime's start.
//   --only NAME[,NAME]   --seconds N (time per model)   --no-start (leaves start and memory out)
// Times are processor time of the fastest run, which is what a shared machine disturbs least; "median" is the median of the ratios of runs
// that followed one another. Models: see models.mjs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inputFiles, modelFolder, modelPath } from "./models.mjs";

const script = fileURLToPath(import.meta.url);
const cli = fileURLToPath(new URL("../../dist/compiler/cli/main.js", import.meta.url));
const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string", default: "20" },
    "no-start": { type: "boolean", default: false },
    // what a process that this one starts shall do: a task, a model, and for wsc the compiled folder
    task: { type: "string" },
    model: { type: "string", default: "" },
    folder: { type: "string", default: "" },
  },
});
const names = options.only?.split(",") ?? [
  "resnet18_bn",
  "resnet50",
  "mobilenet_v2",
  "squeezenet1_1",
  "vit_b_16",
  "bert_base_s128",
  "gpt2_prefill_s64",
  "gpt2_decode_p64",
];

// ---- runtimes: each gives a function that runs the model once ----------------------------------------------------------------------

async function inputsOf(name) {
  const { readValue } = await import("../../dist/compiler/cli/tensor-files.js");
  return Promise.all(inputFiles(name).map((file) => readValue(file)));
}

const feedsFor = (session, tensors, make) =>
  Object.fromEntries(session.inputNames.map((name, i) => [name, make(tensors[i])]));

async function openWsc(source, tensors, sessionOptions) {
  const { InferenceSession } = await import("../../dist/runtime/index.js");
  const session = await InferenceSession.create(source, sessionOptions);
  const feeds = feedsFor(session, tensors, (tensor) => tensor);
  return () => session.run(feeds);
}

async function openWeb(source, tensors) {
  const { ort, peerSession } = await import("./peer.mjs");
  const session = await peerSession(source);
  const feeds = feedsFor(session, tensors, ({ type, data, dims }) => new ort.Tensor(type, data, dims));
  return () => session.run(feeds);
}

async function openNative(source, tensors) {
  if (process.env.ORT_NODE === undefined) return null;
  const ort = createRequire(import.meta.url)(process.env.ORT_NODE);
  const threads = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" };
  const session = await ort.InferenceSession.create(source, { ...threads, graphOptimizationLevel: "all", logSeverityLevel: 3 });
  const feeds = feedsFor(session, tensors, ({ type, data, dims }) => new ort.Tensor(type, data, dims));
  return () => session.run(feeds);
} // prettier-ignore

// ---- tasks -------------------------------------------------------------------------------------------------------------------------

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Alternates the runtimes; milliseconds of every run. */
async function alternate(name) {
  const tensors = await inputsOf(name);
  const file = modelPath(name);
  const { canJoinVectors } = await import("../../dist/runtime/engine.js");
  const opened = {
    joined: canJoinVectors() ? await openWsc(file, tensors, { joinVectors: true }) : null,
    relaxed: await openWsc(file, tensors, {}),
    plain: await openWsc(file, tensors, { deterministic: true }),
    web: await openWeb(file, tensors),
    native: await openNative(file, tensors),
  };
  const runs = Object.entries(opened).filter(([, run]) => run !== null);
  // as long as the engine compiles in the background, its threads' time would be counted
  const warm = performance.now() + (Number(options.seconds) * 1000) / 2;
  for (let i = 0; i < 3 || performance.now() < warm; i++) for (const [, run] of runs) await run();
  const times = Object.fromEntries(runs.map(([runtime]) => [runtime, []]));
  const end = performance.now() + Number(options.seconds) * 1000;
  while (performance.now() < end || times.web.length < 7) {
    for (const [runtime, run] of runs) {
      const start = processorMs();
      await run();
      times[runtime].push(processorMs() - start);
    }
  }
  return times;
}

/** From the files to the first result: wall milliseconds, and the most memory that the process had, in MiB (Linux). */
async function start(open, name) {
  const tensors = await inputsOf(name);
  const begin = performance.now();
  const run = await open(tensors);
  await run();
  const milliseconds = performance.now() - begin;
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return { milliseconds, mebibytes: Number(peak ?? 0) / 1024 };
}

const tasks = {
  alternate,
  startWsc: (name) => start((tensors) => openWsc(options.folder, tensors, {}), name),
  startWeb: (name) => start((tensors) => openWeb(modelPath(name), tensors), name),
};

/** What a task gives in a process of its own. */
const inProcess = async (task, name, folder = "") =>
  JSON.parse(await output([script, "--task", task, "--model", name, "--folder", folder, "--seconds", options.seconds]));

function output(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.on("exit", (code) => (code === 0 ? resolve(text) : reject(new Error(`${args.join(" ")} ended with ${code}`))));
  });
} // prettier-ignore

// ---- table -------------------------------------------------------------------------------------------------------------------------

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
const ratioOf = (theirs, ours) => Math.min(...theirs) / Math.min(...ours);
const fixed = (value, digits) => (value === undefined ? "" : value.toFixed(digits));

async function measureStart(name) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-bench-"));
  try {
    await output([cli, "compile", modelPath(name), "-o", path.join(folder, "out"), "-q"]);
    const kernels = ["kernels.wasm", "kernels.relaxed.wasm"].map((file) => size(path.join(folder, "out", file)));
    const ours = await inProcess("startWsc", name, path.join(folder, "out"));
    const web = await inProcess("startWeb", name);
    return { ours, web, kernelBytes: Math.max(...kernels) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const size = (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Columns of the table: a heading, its cell for a model's times, and whether the last row has its geometric mean. */
const least = (runtime) => ({
  head: `${runtime} ms`,
  cell: (times) => times[runtime] && Math.min(...times[runtime]),
  digits: 1,
});
const ratio = (ours, theirs) => ({
  head: `${ours} / ${theirs}`,
  cell: (times) => times[ours] && times[theirs] && ratioOf(times[theirs], times[ours]),
  digits: 2,
  isMeant: true,
});
const columns = [
  ...["joined", "relaxed", "plain", "web"].map(least),
  ratio("joined", "web"),
  ratio("relaxed", "web"),
  { head: "median", cell: ({ web, relaxed }) => median(web.map((time, i) => time / relaxed[i])), digits: 2 },
  ratio("plain", "web"),
  ratio("joined", "native"),
  ratio("relaxed", "native"),
]; // prettier-ignore

const startHeads = ["start ms, wsc / web", "peak MiB, wsc / web", "kernels KiB"];

function startCells({ ours, web, kernelBytes }) {
  const pair = (key) => `${fixed(ours[key], 0)} / ${fixed(web[key], 0)}`;
  return [pair("milliseconds"), pair("mebibytes"), fixed(kernelBytes / 1024, 0)];
}

const print = (cells) => console.log(`| ${cells.join(" | ")} |`);
const mean = (list) => Math.exp(list.reduce((sum, value) => sum + Math.log(value), 0) / list.length);

async function main() {
  const rows = [];
  let shown = [];
  for (const name of names) {
    if (modelPath(name) === null) {
      console.error(`${name}: no model in ${modelFolder}`);
      continue;
    }
    const times = await inProcess("alternate", name);
    if (rows.length === 0) {
      // columns of runtimes that are there
      shown = columns.filter(({ cell }) => cell(times) !== undefined);
      const heads = ["model", ...shown.map(({ head }) => head), ...(options["no-start"] ? [] : startHeads)];
      print(heads);
      console.log(`|${"---|".repeat(heads.length)}`);
    }
    const values = shown.map(({ cell }) => cell(times));
    const begun = options["no-start"] ? [] : startCells(await measureStart(name));
    print([name, ...values.map((value, i) => fixed(value, shown[i].digits)), ...begun]);
    rows.push(values);
  }
  const means = shown.map(({ isMeant }, i) => (isMeant ? fixed(mean(rows.map((values) => values[i])), 2) : ""));
  print(["geometric mean", ...means, ...(options["no-start"] ? [] : startHeads.map(() => ""))]);
}

if (options.task === undefined) await main();
else process.stdout.write(JSON.stringify(await tasks[options.task](options.model)));
