// npm run bench:operators: single operators against onnxruntime-web, one thread, as a markdown table, the slowest for us first.
//   --only TEXT[,TEXT] (parts of a case's name)   --seconds N (time per case)   --below RATIO (prints only those)   --plain (without relaxed SIMD)
// The two alternate in one process, sample by sample; a sample is as many runs as take a millisecond. Whole runs are compared: what a call costs, the copy
// of the inputs and of the results, and the operator. "processor" and "wall" are ratios of the shortest samples, "median" is the median of the
// processor times' ratios of samples that followed one another; above 1 wsc is the faster one.
import { parseArgs } from "node:util";
import onnxProto from "onnx-proto";
import { InferenceSession } from "../../dist/runtime/index.js";
import { operatorCases } from "./operator-cases.mjs";
import { ort } from "./peer.mjs";

const { ModelProto, AttributeProto, TensorProto } = onnxProto.onnx;
const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "1" },
    below: { type: "string", default: "Infinity" },
    plain: { type: "boolean", default: false },
  },
});

// ---- models ------------------------------------------------------------------------------------------------------------------------

const { DataType } = TensorProto;
const typeNumbers = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  int32: DataType.INT32,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  int16: DataType.INT16,
  uint64: DataType.UINT64,
  float16: DataType.FLOAT16,
  bool: DataType.BOOL,
};

function attributeOf([name, value]) {
  const { AttributeType } = AttributeProto;
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { name, type: AttributeType.INTS, ints: value };
  if (typeof value === "object") return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INT, i: value };
}

const port = (name, type, dims) => ({
  name,
  type: {
    tensorType: {
      elemType: typeNumbers[type],
      ...(dims === null ? {} : { shape: { dim: dims.map((size) => ({ dimValue: size })) } }),
    },
  },
});

const rawBytes = ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A model of one node. Inputs that a case calls constant are initializers; outputs have no declared shape. */
function modelOf({ op, domain = "", opset = 21, attributes = {}, inputs, constants = [], outputs = ["float32"] }) {
  const names = inputs.map((_, i) => `x${i}`);
  const isConstant = (i) => constants.includes(i);
  const results = outputs.map((_, i) => `y${i}`);
  const graph = {
    name: op,
    node: [
      { opType: op, domain, input: names, output: results, attribute: Object.entries(attributes).map(attributeOf) },
    ],
    input: inputs.flatMap(({ type, dims }, i) => (isConstant(i) ? [] : [port(names[i], type, dims)])),
    output: outputs.map((type, i) => port(results[i], type, null)),
    initializer: inputs.flatMap((tensor, i) =>
      isConstant(i)
        ? [{ name: names[i], dataType: typeNumbers[tensor.type], dims: tensor.dims, rawData: rawBytes(tensor) }]
        : [],
    ),
  };
  const domains = [{ domain: "", version: opset }, ...(domain === "" ? [] : [{ domain, version: 1 }])];
  return ModelProto.encode({ irVersion: 9, opsetImport: domains, graph }).finish();
}

async function open(spec) {
  const bytes = new Uint8Array(modelOf(spec));
  const ours = await InferenceSession.create(bytes, { deterministic: options.plain });
  const theirs = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
  const fed = spec.inputs.flatMap((tensor, i) => ((spec.constants ?? []).includes(i) ? [] : [[`x${i}`, tensor]]));
  const feeds = Object.fromEntries(fed);
  const theirFeeds = Object.fromEntries(
    fed.map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
  );
  return {
    ours: () => ours.run(feeds),
    theirs: () => theirs.run(theirFeeds),
    close: () => Promise.all([ours.release(), theirs.release()]),
  };
}

// ---- times -------------------------------------------------------------------------------------------------------------------------

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function sample(run, count) {
  const [processor, wall] = [processorMs(), performance.now()];
  for (let i = 0; i < count; i++) await run();
  return { processor: (processorMs() - processor) / count, wall: (performance.now() - wall) / count };
}

/** As many runs as take a millisecond, found while the engine warms up. */
async function warm(run, milliseconds) {
  const end = performance.now() + milliseconds;
  let runs = 0;
  let last = 0;
  do {
    const start = performance.now();
    await run();
    last = performance.now() - start;
    runs++;
  } while (performance.now() < end || runs < 3);
  return Math.max(1, Math.ceil(1 / last));
}

async function compare({ ours, theirs }) {
  const milliseconds = Number(options.seconds) * 1000;
  const counts = [await warm(ours, milliseconds / 4), await warm(theirs, milliseconds / 8)];
  const samples = { ours: [], theirs: [] };
  const end = performance.now() + milliseconds;
  while (performance.now() < end || samples.ours.length < 5) {
    samples.ours.push(await sample(ours, counts[0]));
    samples.theirs.push(await sample(theirs, counts[1]));
  }
  const least = (list, clock) => Math.min(...list.map((times) => times[clock]));
  const ratios = samples.ours.map(({ processor }, i) => samples.theirs[i].processor / processor);
  return {
    ours: least(samples.ours, "wall"),
    theirs: least(samples.theirs, "wall"),
    processor: least(samples.theirs, "processor") / least(samples.ours, "processor"),
    wall: least(samples.theirs, "wall") / least(samples.ours, "wall"),
    median: ratios.toSorted((a, b) => a - b)[Math.floor((ratios.length - 1) / 2)],
  };
}

/** Largest difference over the largest result, or what else differs: a time means little where the results are not the same. */
function difference(ours, theirs) {
  for (const [name, { data, dims }] of Object.entries(theirs)) {
    if (ours[name].dims.join() !== dims.join()) return `dims ${ours[name].dims.join("x")}, not ${dims.join("x")}`;
    let [largest, most] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [Number(ours[name].data[i]), Number(data[i])];
      if (Number.isFinite(y)) largest = Math.max(largest, Math.abs(y));
      if (!Object.is(x, y) && x !== y) most = Math.max(most, Number.isNaN(x - y) ? Infinity : Math.abs(x - y));
    }
    if (most > 1e-5 * largest) return `results differ by ${(most / (largest || 1)).toPrecision(2)}`;
  }
  return "";
}

// ---- table -------------------------------------------------------------------------------------------------------------------------

const parts = options.only.split(",");
const rows = [];
for (const [name, spec] of Object.entries(operatorCases)) {
  if (!parts.some((part) => name.includes(part))) continue;
  try {
    const sessions = await open(spec());
    const note = difference(await sessions.ours(), await sessions.theirs());
    rows.push({ name, ...(await compare(sessions)), note });
    await sessions.close();
  } catch (error) {
    rows.push({
      name,
      ours: NaN,
      theirs: NaN,
      processor: NaN,
      wall: NaN,
      median: NaN,
      note: String(error.message).split("\n")[0],
    });
  }
  if (process.stderr.isTTY) process.stderr.write(`${name}                    \r`);
}

/** What failed comes last. */
const rankOf = ({ processor }) => (Number.isNaN(processor) ? Infinity : processor);
const fixed = (value, digits) => (Number.isNaN(value) ? "" : value.toFixed(digits));
const print = (cells) => console.log(`| ${cells.join(" | ")} |`);
print(["operator", "wsc ms", "web ms", "processor", "wall", "median", ""]);
console.log(`|${"---|".repeat(7)}`);
for (const row of rows.toSorted((a, b) => rankOf(a) - rankOf(b))) {
  if (row.processor >= Number(options.below)) continue;
  const { name, ours, theirs, processor, wall, median, note } = row;
  print([name, fixed(ours, 4), fixed(theirs, 4), fixed(processor, 2), fixed(wall, 2), fixed(median, 2), note]);
}
