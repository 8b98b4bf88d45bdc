// npm run bench: start-up, compile time and memory, and inference against onnxruntime-web on one thread, the two alternated in one
// process. Models: see models.mjs. Options: --only NAME[,NAME], --seconds N (time per model).
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession } from "../../dist/runtime/index.js";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";
import { inputFiles, modelFolder, modelPath } from "./models.mjs";
import { ort, peerSession } from "./peer.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, seconds: { type: "string", default: "6" } },
});
const names = options.only?.split(",") ?? [
  "mlp_784_512_512_10",
  "lenet5_mnist",
  "mnist_cnn",
  "squeezenet1_1",
  "mobilenet_v2",
  "resnet18_bn",
  "resnet50",
  "bert_base_s128",
  "vit_b_16",
  "gpt2_prefill_s64",
  "gpt2_decode_p64",
];
const cli = new URL("../../dist/compiler/cli/main.js", import.meta.url).pathname;
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) / 2)];

/** Runs the CLI; wall seconds and peak MiB (VmHWM, Linux). */
function timeCommand(args) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "ignore", "inherit"] });
    let peak = 0;
    const poll = setInterval(() => {
      try {
        peak = Math.max(
          peak,
          Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0),
        );
      } catch {
        // ended between two looks
      }
    }, 10);
    child.on("exit", (code) => {
      clearInterval(poll);
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, mebibytes: peak / 1024 });
      else reject(new Error(`wsc ${args.join(" ")} ended with ${code}`));
    });
  });
}

async function benchCommands() {
  const starts = [];
  for (let i = 0; i < 7; i++) starts.push((await timeCommand(["--version"])).seconds);
  console.log(`wsc --version        ${median(starts).toFixed(3)} s`);
  const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-bench-"));
  for (const name of names.filter((n) => modelPath(n) !== null && n !== "gpt2_decode_p64")) {
    const { seconds, mebibytes } = await timeCommand([
      "compile",
      modelPath(name),
      "-o",
      path.join(folder, "out"),
      "-q",
    ]);
    console.log(
      `wsc compile ${name.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s ${mebibytes.toFixed(0).padStart(6)} MiB`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Alternates two runs for a while; milliseconds of each. */
async function alternate(ours, theirs, seconds) {
  const times = { ours: [], theirs: [] };
  const time = async (run, list) => {
    const start = performance.now();
    await run();
    list.push(performance.now() - start);
  };
  for (let i = 0; i < 3; i++) {
    await ours();
    await theirs();
  }
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || times.ours.length < 5) {
    await time(ours, times.ours);
    await time(theirs, times.theirs);
  }
  return times;
}

async function benchInference() {
  console.log(
    `\n${"model".padEnd(20)} ${"wsc ms".padStart(9)} ${"ort-web ms".padStart(11)} ${"ratio".padStart(6)}  largest error`,
  );
  const ratios = [];
  for (const name of names) {
    const file = modelPath(name);
    if (file === null) {
      console.log(`${name.padEnd(20)} no model in ${modelFolder}`);
      continue;
    }
    const mine = await InferenceSession.create(file);
    const peer = await peerSession(file);
    const feeds = {};
    const peerFeeds = {};
    for (const [i, input] of inputFiles(name).entries()) {
      const tensor = await readValue(input);
      feeds[mine.inputNames[i]] = tensor;
      peerFeeds[mine.inputNames[i]] = new ort.Tensor(tensor.type, tensor.data, tensor.dims);
    }
    const error = largestError(await mine.run(feeds), await peer.run(peerFeeds));
    const times = await alternate(
      () => mine.run(feeds),
      () => peer.run(peerFeeds),
      Number(options.seconds),
    );
    const ratio = median(times.theirs.map((t, i) => t / times.ours[i]));
    ratios.push(ratio);
    const cells = [
      median(times.ours).toFixed(2).padStart(9),
      median(times.theirs).toFixed(2).padStart(11),
      ratio.toFixed(2).padStart(6),
    ];
    console.log(`${name.padEnd(20)} ${cells.join(" ")}  ${error.toExponential(1)}`);
    await mine.release();
    await peer.release();
  }
  const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
  console.log(`geometric mean of the ratios ${mean.toFixed(2)}`);
}

/** Largest difference over all outputs, relative to the output's largest value. */
function largestError(mine, theirs) {
  let worst = 0;
  for (const [name, { data }] of Object.entries(theirs)) {
    let scale = 0;
    for (const value of data) scale = Math.max(scale, Math.abs(Number(value)));
    const got = mine[name].data;
    for (let i = 0; i < data.length; i++)
      worst = Math.max(worst, Math.abs(Number(data[i]) - Number(got[i])) / (scale || 1));
  }
  return worst;
}

await benchCommands();
await benchInference();
