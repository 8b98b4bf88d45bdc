/** Models larger than memory: inspected, lowered and placed by their shapes, in little memory, and refused by name where a program cannot be. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { utimesSync } from "node:fs";
import path from "node:path";
import { readModel } from "../../compiler/frontend/read-model.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { forgetElements } from "../../ir/tensor-source.ts";
import { dist } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { externalChain, inlineChain, keepsHoles, type Weights } from "../helpers/sparse-model.ts";

const scratch = scratchFolder("large");
afterAll(scratch.remove);
const sized = keepsHoles(scratch.path) ? describe : describe.skip;
const inScratch = (name: string): string => path.join(scratch.path, name);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** bytes */
  readonly peak: number;
}

/**
 * Says at the end of a process what it took at most, in KiB. On Linux maxRSS counts what the process that started it had then, so the kernel's own
 * figure for this process alone is read there.
 */
const reporter = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync } from "node:fs";
  const status = "/proc/self/status";
  const own = () => /VmHWM:\\s+(\\d+)/.exec(readFileSync(status, "utf8"))[1];
  process.on("exit", () => {
    process.stderr.write("peak " + (existsSync(status) ? own() : process.resourceUsage().maxRSS) + "\\n");
  });
`)}`;
const main = path.join(dist, "compiler", "cli", "main.js");

function wsc(...args: readonly string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      ["--import", reporter, main, ...args],
      { maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        done({ code, stdout, stderr, peak: 1024 * Number(/peak (\d+)\n/.exec(stderr)?.[1] ?? Infinity) });
      },
    );
  });
}

const mebibytes = 2 ** 20;
const layers = (count: number, wide: number, narrow: number): Weights =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`w${i}`, i % 2 === 0 ? [narrow, wide] : [wide, narrow]] as const),
  );

sized("a model with 3 GB of external data", () => {
  const file = externalChain(inScratch("three"), layers(24, 16384, 2048));

  it.each([
    [["inspect"], "805306368 parameters (3072.0 MiB)"],
    [["inspect", "--coverage"], "24   matmul"],
    [["compile", "-q", "--emit", "graph"], 'constant blob "w.bin@134217728+134217728" : f32[16384,2048]'],
    [["compile", "-q", "--emit", "kernels"], "weight w1 f32 [16384: k, 2048: n]"],
    [["compile", "-q", "--time-limit", "2", "--emit", "placement"], 'target "wse2"'],
  ])(
    "%j takes less than 300 MB",
    async (args, expected) => {
      const { code, stdout, peak } = await wsc(...args, await file);
      expect(code).toBe(0);
      expect(stdout).toContain(expected);
      expect(peak).toBeLessThan(300 * mebibytes);
    },
    120_000,
  );
});

sized("a model with 43 GB of external data", () => {
  const file = externalChain(inScratch("many"), layers(160, 8192, 8192));

  it("is inspected", async () => {
    const { code, stdout, peak } = await wsc("inspect", await file);
    expect([code, stdout.includes("10737418240 parameters (40.0 GiB)")]).toEqual([0, true]);
    expect(peak).toBeLessThan(300 * mebibytes);
  }, 120_000);

  it("is told by how much it misses the wafer", async () => {
    const { code, stderr, peak } = await wsc("compile", "-q", "--emit", "placement", await file);
    expect([code, /WSC5002: .* does not fit wse2/.test(stderr)]).toEqual([1, true]);
    expect(peak).toBeLessThan(1024 * mebibytes);
  }, 120_000);

  it("is refused as a program before anything is read", async () => {
    const { code, stderr, peak } = await wsc("compile", "-q", "-o", inScratch("many.wsc"), await file);
    expect([code, /WSC1009: .* 40\.0 GiB, .* 4 GiB/.test(stderr)]).toEqual([1, true]);
    expect(stderr).toContain("--emit placement");
    expect(peak).toBeLessThan(300 * mebibytes);
  }, 120_000);
});

sized("one initializer of 5 GB", () => {
  it("is inspected, and refused as a program", async () => {
    const file = await externalChain(inScratch("five"), { w: [16000, 80000] });
    const inspected = await wsc("inspect", file, "--json");
    expect(JSON.parse(inspected.stdout)).toMatchObject({ supported: true, parameters: { bytes: 5_120_000_000 } });
    const compiled = await wsc("compile", "-q", "-o", inScratch("five.wsc"), file);
    expect([compiled.code, compiled.stderr.includes("WSC1009")]).toEqual([1, true]);
    expect(Math.max(inspected.peak, compiled.peak)).toBeLessThan(300 * mebibytes);
  }, 120_000);
});

sized("a file of 2.5 GB with its weights inside", () => {
  it("is inspected and lowered", async () => {
    const file = await inlineChain(inScratch("inline.onnx"), layers(2, 40000, 7800));
    const inspected = await wsc("inspect", file);
    expect(inspected.stdout).toContain("624000000 parameters (2380.4 MiB)");
    const lowered = await wsc("compile", "-q", "--emit", "graph", file);
    expect(lowered.stdout).toMatch(/constant blob "inline.onnx@\d+\+1248000000" : f32\[7800,40000\]/);
    expect([inspected.code, lowered.code]).toEqual([0, 0]);
    expect(Math.max(inspected.peak, lowered.peak)).toBeLessThan(300 * mebibytes);
  }, 120_000);
});

sized("what is read of a large file", () => {
  const values = Float32Array.of(1.5, -2, 3);
  const weights = (): Promise<TensorData> =>
    inlineChain(inScratch("read.onnx"), { w: [3, 12_000_000] }, values).then(async (file) => {
      const tensor = (await readModel(file)).graph.initializers.get("w");
      if (tensor === undefined) throw new Error("no weights");
      return tensor;
    });

  it("is what stands there", async () => {
    const { source, elements } = await weights();
    expect([source?.kind, elements.length]).toEqual(["stored", 36_000_000]);
    expect([...(elements as Float32Array).subarray(0, 4)]).toEqual([...values, 0]);
  });

  it("is no longer that when the file changes", async () => {
    const tensor = await weights();
    forgetElements();
    utimesSync(inScratch("read.onnx"), 1, 1);
    expect(() => tensor.elements).toThrow(/WSC1001: .*changed while the model was compiled/);
  });
});
