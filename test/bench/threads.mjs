// node test/bench/threads.mjs [MODEL…] [--threads 2] [--seconds 20]: what threads gain, robust against a busy machine. The two sessions alternate run by
// run, every kernel call is timed, and of each the shortest time counts: a call lasts a few milliseconds, in which nothing else may have run.
// The sums of these are compared, and beside them the shortest whole runs. Results are compared bit by bit.
import { parseArgs } from "node:util";
import { InferenceSession } from "../../dist/runtime/index.js";
import { ThreadPool } from "../../dist/runtime/threads/pool.js";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";
import { inputFiles, modelPath } from "./models.mjs";
import { keyOf, note, noteIn } from "./timed-kernels.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "2" }, seconds: { type: "string", default: "20" } },
});
const names = positionals.length > 0 ? positionals : ["resnet50", "bert_base_s128"];

const jobKeys = new Set();
const { attach } = ThreadPool.prototype;
ThreadPool.prototype.attach = function (program) {
  const attached = attach.call(this, program);
  const keys = program.jobs.map(({ function: name, args }) => keyOf(name, args));
  for (const key of keys) jobKeys.add(key);
  return {
    ...attached,
    run: (job) => {
      const start = performance.now();
      const waiting = attached.run(job);
      note(`job ${keys[job]}`, start);
      return waiting;
    },
  };
};

/** Milliseconds of a run by its calls: jobs as a whole, other steps by themselves. */
const total = (times, isThreaded) =>
  [...times].reduce((sum, [key, time]) => (isThreaded && jobKeys.has(key) ? sum : sum + time), 0);

const bytes = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

for (const name of names) {
  const file = modelPath(name);
  if (file === null) throw new Error(`no model ${name} in WSC_MODELS`);
  const sessions = [
    { session: await InferenceSession.create(file, { threads: 1 }), best: new Map(), whole: Infinity },
    {
      session: await InferenceSession.create(file, { threads: Number(options.threads) }),
      best: new Map(),
      whole: Infinity,
    },
  ];
  const feeds = {};
  for (const [i, input] of inputFiles(name).entries())
    feeds[sessions[0].session.inputNames[i]] = await readValue(input);
  const results = [];
  const end = performance.now() + Number(options.seconds) * 1000;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const [index, entry] of sessions.entries()) {
      noteIn(entry.best);
      const start = performance.now();
      results[index] = await entry.session.run(feeds);
      entry.whole = Math.min(entry.whole, performance.now() - start);
    }
    for (const output of sessions[0].session.outputNames)
      if (!bytes(results[0][output]).equals(bytes(results[1][output]))) throw new Error(`${name}: ${output} differs`);
  }
  const [one, many] = sessions;
  const [alone, shared] = [total(one.best, false), total(many.best, true)];
  console.log(
    `${name.padEnd(20)} kernels ${alone.toFixed(1)} ms, with ${options.threads} threads ${shared.toFixed(1)} ms: ${(alone / shared).toFixed(2)}; ` +
      `shortest runs ${one.whole.toFixed(1)} and ${many.whole.toFixed(1)} ms: ${(one.whole / many.whole).toFixed(2)}`,
  );
  if (process.env.WSC_STEPS)
    for (const [key, time] of [...one.best].toSorted((a, b) => b[1] - a[1]).slice(0, 30)) {
      const shared = many.best.get(`job ${key}`);
      console.log(
        `  ${time.toFixed(3)} ${shared === undefined ? "alone" : `${shared.toFixed(3)} ${(time / shared).toFixed(2)}`} ${key}`,
      );
    }
  for (const { session } of sessions) await session.release();
}
