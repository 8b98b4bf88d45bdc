/** Jobs: what they are called, what of a foreign one is refused, and what comes of each action. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { planModel } from "../../compiler/planner/plan/plan.ts";
import { usualPlan } from "../../compiler/planner/plan/plan-data.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { findSystem } from "../../compiler/planner/machines/systems.ts";
import { compile } from "../../compiler/compile.ts";
import { canonicalJson, digestOf, digestOfFile } from "../../compiler/sweep/jobs/digest.ts";
import { type Job, jobKey, labelOf, type Outcome, readJob, readOutcome } from "../../compiler/sweep/jobs/job.ts";
import { Resolver } from "../../compiler/sweep/jobs/resolve.ts";
import { runJob } from "../../compiler/sweep/jobs/run-job.ts";
import { Workshop } from "../../compiler/sweep/jobs/workshop.ts";
import { readSpec } from "../../compiler/sweep/spec/read-spec.ts";
import { spaceOf } from "../../compiler/sweep/spec/space.ts";
import { FolderStore } from "../../compiler/sweep/store/folder-store.ts";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { planSpec } from "./specs.ts";

const scratch = scratchFolder("sweep-job");
afterAll(scratch.remove);
const at = (name: string): string => path.join(scratch.path, name);

const store = new FolderStore(at("store"));
const workshop = new Workshop({ store, local: new Map(), cache: at("cache") });

beforeAll(() => {
  mkdirSync(at("models"));
  copyFileSync(digitsModel, at("models/digits.onnx"));
  writeFileSync(at("models/none.onnx"), "no model");
});

/** The first job of a specification. */
async function jobOf(json: unknown, index = 0, base = scratch.path): Promise<Job> {
  const spec = readSpec(json, "spec.json");
  const resolver = new Resolver({ spec, base, version: "1.2.3", store, sharesModels: true });
  await resolver.prepare();
  const point = spaceOf(spec).pointAt(index);
  if (point === null) throw new Error("the point is not admitted");
  const resolved = await resolver.resolve(point);
  if (resolved.kind !== "job") throw new Error(JSON.stringify(resolved));
  return resolved.job;
}

const placing = (action: string, more: object = {}): object => ({
  do: action,
  axes: { target: ["wse2"] },
  fixed: { model: "models/digits.onnx", ...more },
});

const doneOf = (outcome: Outcome): Extract<Outcome, { kind: "done" }> => {
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome;
};

describe("a job", () => {
  it("is called by what it says, in whatever order it says it, and by nothing of this machine", async () => {
    const job = await jobOf(placing("place"));
    expect(jobKey(JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(job).toReversed()))) as Job)).toBe(
      jobKey(job),
    );
    expect(readJob(JSON.parse(JSON.stringify(job)))).toEqual(job);
    expect(JSON.stringify(job)).not.toContain(scratch.path);
    expect(job.model).toEqual({ kind: "onnx", label: "digits", digest: await digestOfFile(digitsModel), data: [] });
    mkdirSync(at("elsewhere/models"), { recursive: true });
    copyFileSync(digitsModel, at("elsewhere/models/digits.onnx"));
    expect(jobKey(await jobOf(placing("place"), 0, at("elsewhere")))).toBe(jobKey(job));
    expect(jobKey({ ...job, version: "1.2.4" })).not.toBe(jobKey(job));
  });

  it("holds its machine by digest, fields set", async () => {
    const json = { ...placing("place"), axes: { target: ["wse2"], "target.core.sramBytes": [32768] } };
    const job = await jobOf(json);
    const target = JSON.parse(new TextDecoder().decode((await store.get(job.target)) ?? new Uint8Array())) as object;
    expect(target).toMatchObject({ name: "wse2-varied", core: { sramBytes: 32768 } });
    expect(digestOf(canonicalJson(target))).toBe(job.target);
  });

  it.each([
    ["a path as a label", { model: { kind: "onnx", label: "../x", digest: "0".repeat(64), data: [] } }],
    [
      "data outside the folder",
      {
        model: {
          kind: "onnx",
          label: "x",
          digest: "0".repeat(64),
          data: [{ location: "../x", digest: "0".repeat(64) }],
        },
      },
    ],
    ["a file by a path", { target: "/etc/passwd" }],
    ["an unknown option", { options: { colour: "red" } }],
    ["a value that does not fit", { options: { seed: -1 } }],
    ["a missing option", { options: {} }],
    ["another field", { shell: "true" }],
    ["a model of another kind", { model: { kind: "named", name: "llama3.1-8b" } }],
  ])("with %s is refused", async (_, changes) => {
    const job = await jobOf(placing("place"));
    const { options } = changes as { readonly options?: object };
    const merged =
      options === undefined || Object.keys(options).length === 0 ? options : { ...job.options, ...options };
    expect(() => readJob({ ...job, ...changes, ...(merged === undefined ? {} : { options: merged }) })).toThrow();
  });

  it("has a label that is no path", () => {
    expect(["a/b", "..", ".x", "", "ok-1.2", "/", "a\u0000b"].map(labelOf)).toEqual([
      "a_b",
      "model_..",
      "model_.x",
      "model_",
      "ok-1.2",
      "_",
      "a_b",
    ]);
  });
});

describe("what comes of a job", () => {
  it("is the plan's figures", async () => {
    const spec = { ...planSpec, keep: ["report", "plan"] as const };
    const resolver = new Resolver({ spec, base: ".", version: "1", store, sharesModels: false });
    const resolved = await resolver.resolve(spaceOf(spec).pointAt(0) ?? {});
    if (resolved.kind !== "job") throw new Error("refused");
    const { figures, files } = doneOf(await runJob(resolved.job, workshop));
    const options = { ...usualPlan, system: await findSystem("wse3"), context: 1024, batch: 1, users: 1 };
    const plan = planModel(namedModel("llama3.1-8b"), options);
    expect(figures).toMatchObject({ decodePerUser: plan.decodePerUser, watts: plan.watts, binds: plan.limit.binds });
    const text = readFileSync(store.pathOf(files.plan ?? ""), "utf8");
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(plan)));
    expect(readFileSync(store.pathOf(files.report ?? ""), "utf8")).toContain("<!doctype html>");
  });

  it("is the compiler's placement, the same from a model that was just worked on", async () => {
    const job = await jobOf({
      ...placing("compile"),
      keep: ["report", "placement", "kernels", "graph"],
    });
    const first = doneOf(await runJob(job, workshop));
    const { placement, compiled } = await compile(digitsModel, { target: "wse2" });
    expect(first.figures).toMatchObject({
      intervalCycles: placement.certificate.objective,
      weightsBytes: compiled.program.memory.weightsBytes,
      arenaBytes: compiled.program.memory.arenaBytes,
      binds: placement.certificate.bottleneck,
    });
    expect(await runJob(job, workshop)).toEqual(first);
    const other = new Workshop({ store, local: new Map(), cache: at("other-cache") });
    expect(await runJob(job, other)).toEqual(first);
    expect(readOutcome(JSON.parse(JSON.stringify(first)), "")).toEqual(first);
  });

  it("is a partition's", async () => {
    const outcome = doneOf(await runJob(await jobOf(placing("partition", { wafers: 1 })), workshop));
    expect(outcome.figures).toMatchObject({ wafersUsed: 1, status: "optimal", binds: "layers" });
  });

  it("is a simulation's, at each level", async () => {
    const small = { samples: 2, maxInterval: 1e9, objective: "cores" };
    const [stream, word] = await Promise.all(
      ["stream", "word"].map(async (level) =>
        doneOf(await runJob(await jobOf({ ...placing("simulate", { ...small, level }), keep: [] }), workshop)),
      ),
    );
    expect(stream?.figures["cores"]).toBe(word?.figures["cores"]);
    expect(Number(stream?.figures["words"])).toBeGreaterThan(0);
    expect(word?.figures["words"]).toBe(stream?.figures["words"]);
  });

  it("is a refusal where the point cannot be had, which tells no folder", async () => {
    const outcome = await runJob(
      await jobOf({ ...placing("place", { maxInterval: 1, mode: "pipeline" }), keep: [] }),
      workshop,
    );
    expect(outcome).toMatchObject({ kind: "refused" });
    expect(JSON.stringify(outcome)).toMatch(/WSC500[25]/);
    expect(JSON.stringify(outcome)).not.toContain(scratch.path);
    expect(readOutcome(JSON.parse(JSON.stringify(outcome)), "")).toEqual(outcome);
  });

  it("is an error where the store lacks its files", async () => {
    const job = await jobOf(placing("place"));
    await expect(runJob({ ...job, target: "0".repeat(64) }, workshop)).rejects.toThrow(/WSC8104.*--store/s);
  });
});

describe("a specification's files", () => {
  it("are all looked at before any point is", async () => {
    const json = {
      ...placing("place"),
      axes: { model: ["models/none.onnx", "models/gone.onnx"], target: ["wse9"], defects: ["gone.map"] },
      fixed: {},
    };
    await expect(jobOf(json)).rejects.toThrow(/none\.onnx[^]*gone\.onnx[^]*wse9[^]*gone\.map/);
  });
});
