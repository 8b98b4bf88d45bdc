// npm run bench:browser: wsc and onnxruntime-web in one Chromium, one thread: from `create` to the first result, in pages of their own, the first time and
// with the page's cache; then steady speed in one page, alternated. Models: see models.mjs. Options: --only NAME[,NAME], --rounds N, --seconds N.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";
import { InferenceSession } from "../../dist/runtime/index.js";
import { inputFiles, modelPath } from "./models.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "mnist_cnn,mobilenet_v2,bert_base_s128" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
  },
});
const root = new URL("../../", import.meta.url).pathname;
const folders = { dist: "dist", ort: "node_modules/onnxruntime-web/dist" };
const types = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const page = `<!doctype html><title>bench</title><script type="module">
globalThis.open = {
  async wsc(model, threads) {
    const { InferenceSession, Tensor } = await import("/dist/wsc.min.js");
    return { session: await InferenceSession.create(model, { threads }), Tensor };
  },
  async ort(model, threads) {
    const ort = await import("/ort/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = threads;
    return { session: await ort.InferenceSession.create(model), Tensor: ort.Tensor };
  },
};
globalThis.feedsOf = ({ Tensor }, inputs) => Object.fromEntries(inputs.map(({ name, type, data, dims }) =>
  [name, new Tensor(type, type === "int64" ? BigInt64Array.from(data, BigInt) : type === "int32" ? Int32Array.from(data) : Float32Array.from(data), dims)]));
globalThis.isReady = true;
</script>`;

function serve() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [, first, ...rest] = decodeURIComponent(pathname).split("/");
    const file =
      first === "models"
        ? modelPath(rest.join("/").replace(/\.onnx$/, ""))
        : first in folders
          ? path.join(root, folders[first], ...rest)
          : null;
    if (pathname === "/") response.writeHead(200, { "content-type": "text/html" }).end(page);
    else if (file === null || rest.includes("..") || !existsSync(file)) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" })
        .end(readFileSync(file));
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

async function inputsOf(name) {
  const { inputNames } = await InferenceSession.create(modelPath(name)).then(async (session) => {
    const names = { inputNames: session.inputNames };
    await session.release();
    return names;
  });
  return Promise.all(
    inputFiles(name).map(async (file, index) => {
      const { type, data, dims } = await readValue(file);
      return { name: inputNames[index], type, data: Array.from(data, Number), dims: [...dims] };
    }),
  );
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) / 2)];

async function freshPage(context, origin) {
  const tab = await context.newPage();
  await tab.goto(origin);
  await tab.waitForFunction("globalThis.isReady === true");
  return tab;
}

/** Milliseconds from `create` to the first result, in a page of its own. */
async function first(context, origin, peer, name, inputs) {
  const tab = await freshPage(context, origin);
  const time = await tab.evaluate(
    async ([who, model, list]) => {
      const start = performance.now();
      const opened = await globalThis.open[who](model, 1);
      await opened.session.run(globalThis.feedsOf(opened, list));
      return performance.now() - start;
    },
    [peer, `/models/${name}.onnx`, inputs],
  );
  await tab.close();
  return time;
}

/** Median milliseconds a run of each, alternated in one page. */
async function steady(context, origin, name, inputs, seconds) {
  const tab = await freshPage(context, origin);
  const times = await tab.evaluate(
    async ([model, list, milliseconds]) => {
      const peers = [];
      for (const who of ["wsc", "ort"]) {
        const opened = await globalThis.open[who](model, 1);
        peers.push({ who, session: opened.session, feeds: globalThis.feedsOf(opened, list), times: [] });
      }
      for (const { session, feeds } of peers) for (let i = 0; i < 3; i++) await session.run(feeds);
      const end = performance.now() + milliseconds;
      while (performance.now() < end) {
        for (const { session, feeds, times } of peers) {
          const start = performance.now();
          await session.run(feeds);
          times.push(performance.now() - start);
        }
      }
      return Object.fromEntries(peers.map(({ who, times }) => [who, times]));
    },
    [`/models/${name}.onnx`, inputs, seconds * 1000],
  );
  await tab.close();
  return { wsc: median(times.wsc), ort: median(times.ort) };
}

const server = await serve();
const origin = `http://127.0.0.1:${server.address().port}/`;
const profile = mkdtempSync(path.join(os.tmpdir(), "wsc-bench-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu"],
});
context.setDefaultTimeout(600_000);
console.log(`${os.cpus()[0]?.model}; Chromium ${context.browser()?.version() ?? ""}; ms, one thread`);
console.log("model                 first: wsc  wsc again   ort-web    steady: wsc   ort-web   ratio");
for (const name of options.only.split(",")) {
  if (modelPath(name) === null) {
    console.log(`${name}: not in WSC_MODELS`);
    continue;
  }
  const inputs = await inputsOf(name);
  const starts = { wsc: [], again: [], ort: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    const tab = await freshPage(context, origin);
    await tab.evaluate(() => caches.delete("wsc programs"));
    await tab.close();
    starts.wsc.push(await first(context, origin, "wsc", name, inputs));
    starts.again.push(await first(context, origin, "wsc", name, inputs));
    starts.ort.push(await first(context, origin, "ort", name, inputs));
  }
  const speed = await steady(context, origin, name, inputs, Number(options.seconds));
  const cells = [median(starts.wsc), median(starts.again), median(starts.ort), speed.wsc, speed.ort];
  const text = cells.map((cell) => cell.toFixed(cell < 100 ? 1 : 0).padStart(10)).join(" ");
  console.log(`${name.padEnd(20)} ${text}    ${(speed.ort / speed.wsc).toFixed(2)}`);
}
await context.close();
await new Promise((done) => server.close(done));
rmSync(profile, { recursive: true, force: true });
