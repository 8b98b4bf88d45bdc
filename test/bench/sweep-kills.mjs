// What kills cost a sweep: `npm run bench:sweep -- --kills [--points 208 --every 3]`. Two workers take partitions from a redis-server of their own; one of them is killed (SIGKILL)
// every few seconds, once it has done something, and begun again, and the server is killed and begun again with an empty memory when half of the jobs are done. Then the same on threads, without kills: the
// tables have to be the same bytes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = path.join(import.meta.dirname, "..", "..");
const main = path.join(root, "dist", "compiler", "cli", "main.js");

const tables = ["results.jsonl", "results.csv", "results.parquet", "report.html"];

/** A process, and what it has said. */
function begin(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const begun = { child, text: "", ended: once(child, "close") };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      begun.text += text;
    });
  return begun;
}

async function kill({ child, ended }) {
  child.kill("SIGKILL");
  await ended;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** A job that a worker has done, and not found done. */
const jobLine = /^[0-9a-f]{12} partition$/;

const linesOf = (text, pattern) => text.split("\n").filter((line) => pattern.test(line)).length;

const spec = (points) => ({
  do: "partition",
  axes: {
    target: ["wse2", "wse3"],
    wafers: [1, 2, 3, 4],
    seed: Array.from({ length: Math.max(1, Math.round(points / 8)) }, (_, seed) => seed),
  },
  fixed: { model: path.join(root, "examples", "digits", "digits.onnx") },
});

export async function measureKills(points, everySeconds) {
  const folder = mkdtempSync(path.join(tmpdir(), "wsc-bench-kills-"));
  const running = new Set();
  const start = (command, args) => {
    const begun = begin(command, args, folder);
    running.add(begun);
    void begun.ended.then(() => running.delete(begun));
    return begun;
  };
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => {
      for (const { child } of running) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
      process.exit(1);
    });
  try {
    const asked = spec(points);
    const jobs = Object.values(asked.axes).reduce((product, values) => product * values.length, 1);
    writeFileSync(path.join(folder, "spec.json"), JSON.stringify(asked));
    const port = await freePort();
    const serve = () =>
      start(process.env.WSC_REDIS_SERVER ?? "redis-server", [
        ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder],
      ]);
    let server = serve();
    const queue = ["--queue", `redis://127.0.0.1:${port}`, "--store", "store"];
    const worker = () => start(process.execPath, [main, "worker", ...queue, "--jobs", "1"]);
    while (!server.text.includes("Ready to accept connections")) await sleep(100);
    const began = performance.now();
    const sweep = start(process.execPath, [main, "sweep", "spec.json", "-o", "killed", ...queue]);
    const workers = [worker(), worker()];
    const ended = [];
    const journal = path.join(folder, "killed", "journal.jsonl");
    const done = () => (existsSync(journal) ? linesOf(readFileSync(journal, "utf8"), /./) : 0);
    let kills = 0;
    let restarts = 0;
    for (let turn = 0; sweep.child.exitCode === null; turn++) {
      await Promise.race([sweep.ended, sleep(1000 * everySeconds)]);
      if (sweep.child.exitCode !== null) break;
      if (restarts === 0 && 2 * done() >= jobs) {
        await kill(server);
        server = serve();
        restarts++;
      }
      const place = turn % workers.length;
      // one that has not yet done anything has nothing to lose
      while (sweep.child.exitCode === null && linesOf(workers[place].text, jobLine) === 0) await sleep(100);
      await kill(workers[place]);
      ended.push(workers[place]);
      workers[place] = worker();
      kills++;
    }
    const seconds = (performance.now() - began) / 1000;
    for (const each of workers) await kill(each);
    const fresh = [...ended, ...workers].reduce((sum, { text }) => sum + linesOf(text, jobLine), 0);
    const here = start(process.execPath, [main, "sweep", "spec.json", "-o", "here", "--jobs", "1", "-q"]);
    await here.ended;
    const read = (name, file) => readFileSync(path.join(folder, name, file));
    const other = tables.filter((file) => !read("killed", file).equals(read("here", file)));
    console.log(sweep.text.split("\n").find((line) => line.includes(" points:")) ?? sweep.text);
    console.log(
      `${jobs} jobs, ${kills} workers killed, ${restarts} restarts of the server, ${seconds.toFixed(0)} s; ${done()} lines in the journal, ${fresh} jobs told as done by workers`,
    );
    console.log(other.length === 0 ? "the same tables as without kills, byte for byte" : `other: ${other.join(", ")}`);
    if (other.length > 0 || done() !== jobs || sweep.child.exitCode !== 0) process.exitCode = 1;
  } finally {
    for (const begun of running) await kill(begun);
    rmSync(folder, { recursive: true, force: true });
  }
}
