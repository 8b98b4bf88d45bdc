import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compile } from "../../compiler/compile.ts";
import { writeArtifact } from "../../compiler/artifact.ts";
import type { Rect } from "../../ir/placement.ts";
import { parseSimulationRecord, type SimulationCounts } from "../../ir/simulation-record.ts";
import { models, placed, smallTarget } from "../fabric/placed.ts";
import { modelBytes } from "../helpers/onnx-builder.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("simulate");
afterAll(scratch.remove);

const target = { ...smallTarget(12, 8), name: "small" };

/** Compiles a model, its ops placed each on its own, as a folder. */
async function compiled(name: keyof typeof models): Promise<void> {
  const spec = models[name]();
  const model = await compile({ name: `${name}.onnx`, bytes: await modelBytes(spec) }, { target });
  const { kernels, placement } = await placed(spec, target);
  await writeArtifact({ ...model, kernels, placement: { ...placement, model: name } }, path.join(scratch.path, name));
}

interface Summary {
  readonly error: number | null;
  readonly cycles: number;
  readonly words: number;
}

interface FullSummary extends SimulationCounts {
  readonly error: number | null;
  readonly certificate: unknown;
  readonly part: Rect | null;
  readonly whatIf?: readonly { readonly free: string; readonly interval: number; readonly latency: number }[];
}

describe("wsc simulate", () => {
  beforeAll(async () => {
    writeFileSync(path.join(scratch.path, "small.json"), JSON.stringify(target));
    await compiled("mlp");
    await compiled("softmax");
    await compiled("cumulative");
  });

  it("runs a folder core by core, with the host's numbers", async () => {
    const { code, stdout, stderr } = await wsc(
      ["simulate", "mlp", "-t", "small.json", "--random", "3", "--json"],
      scratch.path,
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as {
      error: number;
      interval: number;
      latency: number;
      cycles: number;
      words: number;
    };
    expect(summary.error).toBeLessThan(1e-5);
    expect(summary.latency).toBeGreaterThan(summary.interval);
    expect(summary.cycles).toBeGreaterThan(summary.latency);
    expect(summary.words).toBeGreaterThan(0);
    expect(summary).toMatchObject({
      model: "mlp",
      target: "small",
      samples: 8,
      layers: [{ name: "Gemm_0" }, { name: "Gemm_2" }],
    });
  });

  it("gives the same numbers with stalls, and says what it saw", async () => {
    const args = ["simulate", "mlp", "-t", "small.json", "--random", "3", "--jitter", "5"];
    const { code, stdout } = await wsc(args, scratch.path);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^mlp on small, word level: 8 samples in \d+ cycles, \d+ words over links\ninterval .*the certificate says/,
    );
    expect((await wsc(args, scratch.path)).stdout).toBe(stdout);
  });

  it("runs streams instead of words where it is told to, with numbers and without", async () => {
    const args = ["simulate", "mlp", "-t", "small.json", "--random", "3", "--json"];
    const read = async (...more: string[]): Promise<Summary> =>
      JSON.parse((await wsc([...args, ...more], scratch.path)).stdout) as Summary;
    const word = await read();
    const stream = await read("--level", "stream", "--values");
    expect(stream.error).toBeLessThan(1e-5);
    expect(stream.words).toBe(word.words);
    expect(Math.abs(stream.cycles / word.cycles - 1)).toBeLessThan(0.03);
    expect(await read("--level", "stream")).toEqual({ ...stream, error: null });
    const { code, stderr } = await wsc([...args, "--level", "stream", "--jitter", "1"], scratch.path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--jitter stalls single words/);
  });

  const simulated = async (...more: string[]): Promise<FullSummary> => {
    const { code, stdout, stderr } = await wsc(
      ["simulate", "mlp", "-t", "small.json", "--json", ...more],
      scratch.path,
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return JSON.parse(stdout) as FullSummary;
  };

  it("runs a layer, or a rectangle, with the words that the whole program sends it", async () => {
    const whole = await simulated("--random", "3");
    const layer = await simulated("--random", "3", "--layer", "Gemm_2", "--values");
    expect(layer.error).toBeLessThan(1e-5);
    expect(layer.certificate).toBeNull();
    const [first, second] = whole.layers;
    expect(layer.layers[1]?.cores).toBe(second?.cores);
    expect(layer.cycles).toBeLessThan(whole.cycles);
    const { x, y, width, height } = layer.part ?? { x: 0, y: 0, width: 0, height: 0 };
    expect(width * height).toBeGreaterThan(0);
    const half = await simulated("--random", "3", "--rect", `4,1,3,${y + height}`, "--values");
    expect(half.error).toBeLessThan(1e-5);
    expect(half.cores.x.every((column) => column >= 4 && column < 7)).toBe(true);
    expect(half.cores.x.length).toBeLessThan((first?.cores ?? 0) + (second?.cores ?? 0));
    // times do not depend on numbers
    const timed = await simulated("--rect", `${x},${y},${width},${height}`);
    expect(timed).toEqual({ ...layer, error: null });
  });

  it("refuses a part that is none", async () => {
    const refused = async (...more: string[]): Promise<string> =>
      (await wsc(["simulate", "mlp", "-t", "small.json", ...more], scratch.path)).stderr;
    expect(await refused("--rect", "0,0,0,4")).toMatch(/WSC8001: --rect takes X,Y,WIDTH,HEIGHT, not "0,0,0,4"/);
    expect(await refused("--rect", "0,0,2,1")).toMatch(/WSC7010: no core of the program lies in the rectangle 0,0,2,1/);
    expect(await refused("--layer", "Gemm_3")).toMatch(/WSC8001: the program has no layer "Gemm_3"/);
    expect(await refused("--layer", "Gemm_2", "--rect", "0,0,4,4")).toMatch(/WSC8001: --rect and --layer/);
  });

  it("says what free hops, links, ramps, compute and memory would bring", async () => {
    const { whatIf, interval, latency, layers } = await simulated("--random", "3", "--what-if");
    expect(whatIf?.map(({ free }) => free)).toEqual(["hops", "links", "ramps", "compute", "memory"]);
    for (const one of whatIf ?? []) expect(one.latency).toBeLessThanOrEqual(latency);
    const best = Math.min(...(whatIf ?? []).map((one) => one.interval));
    expect(best).toBeLessThan(interval);
    for (const { boundCycles, boundShare } of layers) {
      expect(boundCycles).toBeGreaterThan(0);
      expect(boundShare).toBeCloseTo(boundCycles / interval);
      expect(boundShare).toBeLessThanOrEqual(1);
    }
  });

  it.each(["word", "stream"])("writes the steps of all tasks as a trace at the %s level", async (level) => {
    const { cycles } = await simulated("--random", "3", "--level", level, "--trace", `${level}.trace.json`);
    const { traceEvents } = JSON.parse(readFileSync(path.join(scratch.path, `${level}.trace.json`), "utf8")) as {
      traceEvents: { ph: string; name: string; ts: number; dur: number; pid: number; tid: number }[];
    };
    const steps = traceEvents.filter(({ ph }) => ph === "X");
    expect(new Set(traceEvents.filter(({ name }) => name === "process_name").map(({ pid }) => pid)).size).toBe(2);
    for (const { ts, dur } of steps) expect(ts >= 1 && dur > 0 && ts + dur <= cycles + 1).toBe(true);
    // steps of a task follow each other
    const ends = new Map<number, number>();
    for (const { tid, ts, dur } of steps) {
      expect(ts).toBeGreaterThanOrEqual(ends.get(tid) ?? 0);
      ends.set(tid, ts + dur);
    }
    expect(steps.some(({ name }) => name === "compute")).toBe(true);
    expect(steps.some(({ name }) => /^send \d+ words, color \d+$/.test(name))).toBe(true);
  });

  it("keeps its counts beside the placement, and the folder stays as the manifest says", async () => {
    const word = await simulated("--random", "3");
    const file = path.join(scratch.path, "mlp", "simulation.json");
    const record = parseSimulationRecord(readFileSync(file, "utf8"));
    const { layers, cores, links, words } = word;
    expect(record).toMatchObject({ model: "mlp", target: "small", level: "word", words, layers, cores, links });
    const overLinks = links.words.reduce((sum, count, index) => sum + (links.to[index] === "ramp" ? 0 : count), 0);
    expect(overLinks).toBe(words);
    for (const [index, { busyCycles }] of layers.entries())
      expect(cores.busy.reduce((sum, busy, core) => sum + (cores.layer[core] === index ? busy : 0), 0)).toBe(
        busyCycles,
      );
    const stream = await simulated("--level", "stream");
    expect(stream.links.words.toSorted((a, b) => a - b)).toEqual(links.words.toSorted((a, b) => a - b));
    expect(stream.cores.busy.toSorted((a, b) => a - b)).toEqual(cores.busy.toSorted((a, b) => a - b));
    expect(parseSimulationRecord(readFileSync(file, "utf8")).level).toBe("stream");
    await simulated("--level", "stream", "--no-record", "--samples", "2");
    expect(parseSimulationRecord(readFileSync(file, "utf8")).samples).toBe(8);
    for (const [what, text] of [
      [/version 1/, '{"version": 2}'],
      [/JSON/, "{"],
      [/layer beyond/, JSON.stringify({ ...record, layers: [] })],
    ] as const)
      expect(() => parseSimulationRecord(text)).toThrow(what);
  });

  it("refuses by name what has no fabric program", async () => {
    const { code, stderr } = await wsc(["simulate", "cumulative", "-t", "small.json", "--random", "3"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC5007: layer "sums": cumulative has no fabric program/);
  });

  it("refuses a folder that was altered, is of another version or lacks a part, by the part's name", async () => {
    const folder = path.join(scratch.path, "bad");
    const at = (file: string): string => path.join(folder, file);
    const manifestWith = (change: (text: string) => string): void => {
      writeFileSync(at("manifest.json"), change(readFileSync(at("manifest.json"), "utf8")));
    };
    const cases: readonly (readonly [what: RegExp, spoil: () => void])[] = [
      [
        /WSC7004: fabric\.bin/,
        () => {
          rmSync(at("fabric.bin"));
        },
      ],
      [
        /WSC7004: fabric\.bin: .*digest differs/,
        () => {
          writeFileSync(at("fabric.bin"), new Uint8Array(4));
        },
      ],
      [
        /WSC7004: placement\.json: .*digest differs/,
        () => {
          writeFileSync(at("placement.json"), "{}");
        },
      ],
      [
        /WSC7004: kernels\.txt/,
        () => {
          rmSync(at("kernels.txt"));
        },
      ],
      [
        /WSC7004: manifest\.json/,
        () => {
          rmSync(at("manifest.json"));
        },
      ],
      [
        /WSC7004: manifest\.json: version/,
        () => {
          manifestWith((text) => text.replace(/"version": \d+/, '"version": 99'));
        },
      ],
      [
        /WSC7004: manifest\.json: format/,
        () => {
          manifestWith((text) => text.replace("wsc program", "something else"));
        },
      ],
    ];
    for (const [what, spoil] of cases) {
      rmSync(folder, { recursive: true, force: true });
      cpSync(path.join(scratch.path, "softmax"), folder, { recursive: true });
      spoil();
      const { code, stdout, stderr } = await wsc(
        ["simulate", "bad", "-t", "small.json", "--random", "3"],
        scratch.path,
      );
      expect([what.source, code, stdout]).toEqual([what.source, 1, ""]);
      expect(stderr).toMatch(what);
    }
    const none = await wsc(["simulate", "nothing", "-t", "small.json", "--random", "3"], scratch.path);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/WSC7004: manifest\.json: the file cannot be read \(ENOENT\)/);
  });

  it("refuses constants that are not the model's, also where the manifest names them", async () => {
    const folder = path.join(scratch.path, "mixed");
    cpSync(path.join(scratch.path, "mlp"), folder, { recursive: true });
    for (const file of ["fabric.bin", "manifest.json"]) {
      const text = readFileSync(path.join(scratch.path, "softmax", "manifest.json"), "utf8");
      const entry = /\{ "file": "fabric\.bin".*?\}/s.exec(text)?.[0] ?? "";
      if (file === "fabric.bin") cpSync(path.join(scratch.path, "softmax", file), path.join(folder, file));
      else {
        const own = readFileSync(path.join(folder, file), "utf8");
        writeFileSync(path.join(folder, file), own.replace(/\{ "file": "fabric\.bin".*?\}/s, entry));
      }
    }
    const { code, stderr } = await wsc(["simulate", "mixed", "-t", "small.json", "--random", "3"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC7004: fabric\.bin: the constants for a simulation are not those of the model/);
  });
});
