/**
 * The simulator in figures: how fast it is, how near published timelines it comes, and how near its two levels come to each other.
 *
 *     npm run bench:simulate -- [--only speed|published|levels] [--folder out/model]...
 *
 * Speed is active core-cycles a second of processor time on one thread (a core-cycle is active when the core or its router does something). Each
 * `--folder` is a compiled model whose times are simulated stream by stream in a process of its own: seconds of processor time, and memory.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  allReduceProgram,
  broadcastProgram,
  chainProgram,
  messageProgram,
  relayProgram,
  starProgram,
  treeProgram,
  twoPhaseProgram,
} from "../../dist/compiler/fabric/collectives/line.js";
import { wse2 } from "../../dist/compiler/targets/wse2.js";
import { wse3 } from "../../dist/compiler/targets/wse3.js";
import { simulatedReduces } from "../../dist/compiler/validate/tables/collectives.js";
import { simulatedProducts } from "../../dist/compiler/validate/tables/column-products.js";
import { simulateStreams } from "../../dist/runtime/simulator/stream/run.js";
import { simulateWords } from "../../dist/runtime/simulator/word/run.js";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, folder: { type: "string", multiple: true, default: [] } },
});

const line = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const heading = (title, ...cells) => {
  console.log(`\n${title}\n`);
  line(...cells);
  line(...cells.map((_, cell) => (cell === 0 ? "---" : "---:")));
};
const percent = (share) => `${share < 0 ? "" : "+"}${(100 * share).toFixed(1)} %`;

const vectors = { constants: () => new Float32Array(4_096).fill(1), inputs: () => new Float32Array(0) };

/** A result, and the seconds of processor time that it took. */
function timed(work) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: (user + system) / 1e6 };
}

function speed() {
  heading("Word level", "program", "cycles", "active core-cycles", "seconds", "millions a second");
  const row = { target: wse2, cores: 512, words: 4_096 };
  const programs = {
    "chain of 512 cores, 4,096 words": chainProgram(row),
    "two-phase reduce of 512 cores in groups of 16": twoPhaseProgram(row, 16),
    "all-reduce of 512 cores": allReduceProgram(row),
  };
  // once unseen, so that the engine has compiled what it runs
  simulateWords(chainProgram({ ...row, cores: 64 }), wse2, vectors);
  for (const [name, program] of Object.entries(programs)) {
    const { result, seconds } = timed(() => simulateWords(program, wse2, vectors));
    const { cycles, activeCoreCycles } = result;
    line(name, cycles, activeCoreCycles, seconds.toFixed(2), (activeCoreCycles / seconds / 1e6).toFixed(2));
  }
}

/** FABRICA's relay of N stages and B words, on the vendor's simulator of WSE-3, which passes a word a cycle. */
const relayCycles = (stages, words) => 1.001 * stages * words + 16.1 * stages + 16.5;

function published() {
  heading("Published cycles, run word by word", "row", "published", "simulated", "error");
  const show = (row, wanted, got) => line(row, wanted.toFixed(0), got.toFixed(0), percent(got / wanted - 1));
  for (const { entries } of [simulatedReduces, simulatedProducts])
    for (const { row, published: wanted, modelled } of entries()) show(row, wanted, modelled);
  const target = { ...wse3, link: { ...wse3.link, cyclesPerWord: 1 } };
  for (const [stages, words] of [
    [2, 1_024],
    [8, 128],
    [16, 512],
    [4, 64],
  ]) {
    const { cycles } = simulateWords(relayProgram({ target, cores: stages + 1, words }), target, vectors);
    show(`relay of ${stages} stages, ${words} words, WSE-3`, relayCycles(stages, words), cycles);
  }
  for (const distance of [1, 16, 64]) {
    const { cycles } = simulateWords(
      messageProgram({ target, cores: distance + 1, words: 1 }, distance),
      target,
      vectors,
    );
    // the run begins in cycle 1, and loads three descriptors before the dispatch from which the published timeline counts
    show(`message of one word over ${distance} hops, WSE-3`, 7 + 2 * distance + 3, cycles - 1 - 3);
  }
}

function levels() {
  heading("Stream by stream against word by word", "program", "word", "stream", "difference", "times as fast");
  const programs = {
    chain: chainProgram,
    star: starProgram,
    tree: treeProgram,
    broadcast: broadcastProgram,
    "all-reduce": allReduceProgram,
    relay: relayProgram,
    "two-phase": (row) => twoPhaseProgram(row, Math.ceil(Math.sqrt(row.cores))),
  };
  for (const target of [wse2, wse3]) {
    for (const [name, build] of Object.entries(programs)) {
      const program = build({ target, cores: 64, words: 512 });
      const word = timed(() => simulateWords(program, target, vectors));
      const stream = timed(() => simulateStreams(program, target));
      const difference = stream.result.cycles / word.result.cycles - 1;
      const faster = (word.seconds / stream.seconds).toFixed(1);
      line(
        `${name}, ${target.name}, 64 cores, 512 words`,
        word.result.cycles,
        stream.result.cycles,
        percent(difference),
        faster,
      );
    }
  }
}

/** Runs in a process of its own: what it takes is told by the process itself. */
const folderRun = `
  const [main, folder] = process.argv.slice(1);
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    console.error(JSON.stringify({ seconds: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1024 }));
  });
  process.argv = [process.argv[0], main, "simulate", folder, "--level", "stream", "--no-record"];
  await import(main);
`;

function folders() {
  heading("Models stream by stream", "folder", "seconds", "MB", "says");
  const main = path.join(import.meta.dirname, "../../dist/compiler/cli/main.js");
  for (const folder of options.folder) {
    const args = ["--max-old-space-size=4096", "--input-type=module", "-e", folderRun, main, folder];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const lines = stderr.trim().split("\n");
    const told = lines.find((text) => text.startsWith('{"seconds"'));
    const { seconds, megabytes } = told === undefined ? { seconds: NaN, megabytes: NaN } : JSON.parse(told);
    const says = stdout.split("\n")[0] || lines.find((text) => text !== told) || "";
    line(folder, seconds.toFixed(1), megabytes.toFixed(0), says);
  }
}

const parts = { speed, published, levels };
for (const [name, part] of Object.entries(parts)) if (options.only === undefined || options.only === name) part();
if (options.folder.length > 0) folders();
