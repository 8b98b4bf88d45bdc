// npm run bench:open: shapes that change from call to call, against onnxruntime-web on one thread, as a markdown table.
//   --only TEXT (part of a row's name)   --calls N (measured calls of each peer)   --layers N[,N] (of decoders; 12 take 1.3 GB)
// The two alternate in one process, call by call, each feeding back its own results; times are medians of processor time of whole calls. "new shape" is
// the processor time of the first call at a shape minus that of the next one at the same shape; "compilations" are those of WebAssembly from the third
// shape on.
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "../../dist/runtime/index.js";
import { decoder, encoder, perceptron } from "./open-models.mjs";
import { ort } from "./peer.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    calls: { type: "string", default: "15" },
    layers: { type: "string", default: "2,12" },
  },
});
const calls = Number(options.calls);

// ---- what is run ------------------------------------------------------------------------------------------------------------------

const ids = (T, count) =>
  new T(
    "int64",
    BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 37) % 5000)),
    [1, count],
  );
const floats = (T, dims) => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return new T(
    "float32",
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7)),
    dims,
  );
};

/** Caches of so many positions, or those that the last call gave. */
function caches(T, { inputNames }, past, last) {
  const own = inputNames.filter((name) => name.startsWith("past"));
  const given = (name) => last?.[name.replace("past", "present")] ?? floats(T, [1, 12, past, 64]);
  return Object.fromEntries(own.map((name) => [name, given(name)]));
}

/** A row: a model, and the feeds of its calls; the first `warm` calls are not measured. */
const rows = [
  ...options.layers.split(",").flatMap((layers) => [
    {
      name: `decoder of ${layers} layers, a token, cache growing from 64`,
      model: () => decoder(Number(layers)),
      feeds: (T, session, call, last) => ({ ids: ids(T, 1), ...caches(T, session, 64 + call, last) }),
    },
    {
      name: `decoder of ${layers} layers, prompts of 32 to 64 tokens`,
      model: () => decoder(Number(layers)),
      feeds: (T, session, call) => ({ ids: ids(T, 32 + ((call * 7) % 33)), ...caches(T, session, 0, null) }),
    },
  ]),
  {
    name: "encoder of 12 layers, another length each call (32 to 128)",
    model: () => encoder(12),
    feeds: (T, _, call) => {
      const length = 32 + ((call * 37) % 97);
      return { ids: ids(T, length), mask: new T("int64", new BigInt64Array(length).fill(1n), [1, length]) };
    },
  },
  { name: "perceptron 784-512-512-10, one row", model: perceptron, feeds: (T) => ({ x: floats(T, [1, 784]) }) },
  {
    name: "perceptron 784-512-512-10, another number of rows each call (2 to 64)",
    model: perceptron,
    feeds: (T, _, call) => ({ x: floats(T, [2 + ((call * 37) % 63), 784]) }),
  },
].filter(({ name }) => name.includes(options.only));

// ---- measuring --------------------------------------------------------------------------------------------------------------------

const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

let compilations = 0;
for (const name of ["compile", "instantiate"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = (...args) => {
    compilations++;
    return original(...args);
  };
}
const { Module } = WebAssembly;
WebAssembly.Module = new Proxy(Module, {
  construct(target, args) {
    compilations++;
    return new target(...args);
  },
});

async function timed(session, feeds) {
  const begin = processorTime();
  const results = await session.run(feeds);
  return { results, time: processorTime() - begin };
}

const warm = 3;

async function measure({ name, model, feeds }) {
  const bytes = model();
  const ours = await InferenceSession.create(bytes);
  const theirs = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
  const [own, peer, fresh] = [[], [], []];
  let [last, lastOfPeer, compiled, worst] = [null, null, 0, 0];
  for (let call = 0; call < warm + calls; call++) {
    const before = compilations;
    const fed = feeds(Tensor, ours, call, last);
    const mine = await timed(ours, fed);
    const count = compilations - before;
    const again = await timed(ours, fed);
    const other = await timed(theirs, feeds(ort.Tensor, theirs, call, lastOfPeer));
    const [output] = ours.outputNames;
    const [a, b] = [mine.results[output].data, other.results[output].data];
    for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
    [last, lastOfPeer] = [again.results, other.results];
    if (call < warm) continue;
    compiled += count;
    own.push(mine.time);
    peer.push(other.time);
    fresh.push(mine.time - again.time);
  }
  await ours.release();
  await theirs.release();
  const [a, b] = [median(own), median(peer)];
  const cells = [
    name,
    b.toFixed(2),
    a.toFixed(2),
    (b / a).toFixed(2),
    median(fresh).toFixed(2),
    compiled,
    worst.toExponential(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

console.log(
  "| calls | onnxruntime-web, ms | wsc, ms | times as fast | new shape, ms | compilations | largest difference |",
);
console.log("|---|---|---|---|---|---|---|");
for (const row of rows) await measure(row);
