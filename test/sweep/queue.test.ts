/** Sweeps by workers that take jobs from a real Redis server: what is killed, restarted or of another version loses nothing and repeats nothing. */
import { afterAll, afterEach, describe, expect, it, jest } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { digestOf } from "../../compiler/sweep/jobs/digest.ts";
import { versionKey } from "../../compiler/sweep/crews/redis.ts";
import { wsc } from "../cli/run-cli.ts";
import { dist } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { hasRedis, RedisServer, type ServerOptions } from "./redis-server.ts";
import { Command } from "./workers.ts";

// several times what they take on a slow machine; one that waits in vain ends
jest.setTimeout(120_000);

const scratch = scratchFolder("sweep-queue");
const at = (name: string): string => path.join(scratch.path, name);

const servers: RedisServer[] = [];
const commands: Command[] = [];

async function serve(options: ServerOptions = {}): Promise<RedisServer> {
  const folder = at(`redis-${servers.length}`);
  mkdirSync(folder);
  const server = await RedisServer.start(folder, options);
  servers.push(server);
  return server;
}

function begin(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Command {
  const command = new Command(args, scratch.path, environment);
  commands.push(command);
  return command;
}

afterEach(async () => {
  for (const command of commands.splice(0)) await command.kill();
  for (const server of servers) await server.kill();
});
afterAll(scratch.remove);

const spec = {
  do: "plan",
  axes: { weights: ["fp16", "int8", "fp8"], context: "1024..3072/256", users: [1, 4, 16, 64] },
  fixed: { model: "llama3.1-8b", target: "wse3" },
};
const points = 3 * 9 * 4;
const jobLine = /^[0-9a-f]{12} plan/;
const freshLine = /^[0-9a-f]{12} plan$/;

writeFileSync(at("spec.json"), JSON.stringify(spec));

const tables = (folder: string): readonly string[] =>
  ["results.jsonl", "results.csv", "report.html"].map((name) => readFileSync(at(`${folder}/${name}`), "utf8"));

const worker = (url: string, store: string, ...more: readonly string[]): Command =>
  begin(["worker", "--queue", url, "--store", store, "--jobs", "1", ...more]);

/** Version and build of the wsc that is tested. */
function builtName(): string {
  const text = readFileSync(path.join(dist, "..", "package.json"), "utf8");
  const digest = readFileSync(path.join(dist, "build-digest.txt"), "utf8");
  return `${(JSON.parse(text) as { readonly version: string }).version}+${digest.slice(0, 12)}`;
}

const withRedis = hasRedis ? describe : describe.skip;

withRedis(`a sweep by workers${hasRedis ? "" : " (redis-server is not installed)"}`, () => {
  it("loses and repeats nothing when workers are killed and the server forgets everything", async () => {
    const server = await serve();
    const url = `redis://127.0.0.1:${server.port}`;
    const sweep = begin(["sweep", "spec.json", "-o", "queued", "--queue", url, "--store", "store"]);
    // one after another, each killed when it has done some: what is left is enough for the next, however fast they are
    const first = worker(url, "store");
    await first.untilLines(jobLine, 8, sweep);
    await first.kill();
    const second = worker(url, "store");
    await second.untilLines(jobLine, 8, sweep);
    await server.kill();
    await server.restart();
    await second.untilLines(jobLine, second.count(jobLine) + 8, sweep);
    await second.kill();
    const third = worker(url, "store");
    expect([await sweep.ended(), sweep.text]).toEqual([0, expect.stringContaining(`${points} points: ${points} done`)]);
    // each result once: what was made beyond that was in the hands of one who was killed, or was taken over while the server was away
    const fresh = [first, second, third].reduce((sum, each) => sum + each.count(freshLine), 0);
    expect(fresh).toBeGreaterThan(points - 4);
    expect(fresh).toBeLessThan(points + 4);
    const lines = readFileSync(at("queued/journal.jsonl"), "utf8").trim().split("\n");
    expect(new Set(lines.map((line) => (JSON.parse(line) as { readonly job: string }).job)).size).toBe(points);
    expect(lines).toHaveLength(points);
    const here = await wsc(["sweep", "spec.json", "-o", "here", "--jobs", "1", "-q"], scratch.path);
    expect([here.code, here.stderr]).toEqual([0, ""]);
    expect(tables("queued")).toEqual(tables("here"));
  });

  it("takes results that the store has, and ends workers that have nothing to do", async () => {
    const server = await serve({ password: "secret word" });
    const url = `redis://:${encodeURIComponent("secret word")}@127.0.0.1:${server.port}/2?queue=small`;
    writeFileSync(at("small.json"), JSON.stringify({ ...spec, axes: { context: [1024, 2048], users: [1, 2] } }));
    const run = async (folder: string): Promise<Command> => {
      const sweep = begin(["sweep", "small.json", "-o", folder, "--queue", url, "--store", "small-store"]);
      const helper = worker(url, "small-store");
      expect(await sweep.ended()).toBe(0);
      await helper.untilLines(/takes jobs from/, 1, helper);
      await helper.kill("SIGTERM");
      expect(await helper.ended()).toBe(0);
      expect(helper.text + sweep.text).not.toContain("secret");
      return helper;
    };
    expect((await run("small-1")).count(jobLine)).toBe(4);
    expect((await run("small-2")).count(jobLine)).toBe(0);
    expect(tables("small-2")).toEqual(tables("small-1"));
    expect(await worker(url, "small-store", "--idle", "1").ended()).toBe(0);
    const results = readdirSync(at("small-store/results"), { recursive: true }).filter((name) =>
      String(name).endsWith("json"),
    );
    expect(results).toHaveLength(4);
  });

  it("is not done by workers of another version, nor what is no job", async () => {
    const server = await serve();
    const url = `redis://127.0.0.1:${server.port}`;
    const client = new Redis(url, { maxRetriesPerRequest: null });
    const queue = new Queue("wsc", { connection: client });
    try {
      await queue.add("x", { job: { version: "0.0.1" } }, { jobId: digestOf("x") });
      const late = await worker(url, "store").ended();
      await client.set(versionKey("wsc"), "0.0.1");
      const early = await wsc(["worker", "--queue", url, "--store", "store"], scratch.path);
      expect([late, early.code]).toEqual([1, 1]);
      expect(early.stderr).toContain("WSC8103: the jobs are of wsc 0.0.1");
      expect(await queue.getDelayedCount()).toBe(1);
      await queue.obliterate({ force: true });
      await client.del(versionKey("wsc"));
      const version = builtName();
      await queue.add("x", { job: { version, action: "plan", model: "/etc/passwd" } }, { jobId: digestOf("y") });
      expect(await worker(url, "store", "--idle", "3").ended()).toBe(0);
      const [failed] = await queue.getFailed();
      expect(failed?.failedReason).toMatch(/the job is none: model is "\/etc\/passwd"/);
    } finally {
      await queue.close();
      client.disconnect();
    }
  });

  it("goes over TLS with a password, where the server's certificate is one that Node trusts", async () => {
    const tls = { certificate: at("certificate.pem"), key: at("key.pem") };
    const subject = ["-subj", "/CN=wsc test", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const files = ["-keyout", tls.key, "-out", tls.certificate];
    expect(spawnSync("openssl", ["req", "-x509", ...made, ...files, ...subject]).status).toBe(0);
    const server = await serve({ password: "secret word", tls });
    const url = `rediss://default:${encodeURIComponent("secret word")}@127.0.0.1:${server.port}`;
    writeFileSync(at("secure.json"), JSON.stringify({ ...spec, axes: { context: [1024, 2048] } }));
    const trust = { NODE_EXTRA_CA_CERTS: tls.certificate };
    const sweep = begin(["sweep", "secure.json", "-o", "secure", "--queue", url, "--store", "secure-store"], trust);
    const helper = begin(["worker", "--queue", url, "--store", "secure-store", "--jobs", "1"], trust);
    expect([await sweep.ended(), sweep.text]).toEqual([0, expect.stringContaining("2 points: 2 done")]);
    await helper.kill("SIGTERM");
    const stranger = begin(["worker", "--queue", url, "--store", "secure-store"]);
    expect(await stranger.ended()).toBe(1);
    expect(stranger.text).toMatch(
      /WSC8102: the queue at rediss:.* cannot be used: .*SELF_SIGNED[^]*NODE_EXTRA_CA_CERTS/,
    );
    // a server that speaks TLS alone does not understand a client that does not
    const plain = begin(["worker", "--queue", url.replace("rediss:", "redis:"), "--store", "secure-store"]);
    expect(await plain.ended()).toBe(1);
    expect(plain.text).toContain("WSC8102");
    expect(sweep.text + helper.text + stranger.text + plain.text).not.toContain("secret");
  });

  it("tells jobs that fail for want of a model or a machine in the worker's store", async () => {
    const server = await serve();
    const url = `redis://127.0.0.1:${server.port}`;
    writeFileSync(at("one.json"), JSON.stringify({ ...spec, axes: { context: [1024] } }));
    const sweep = begin(["sweep", "one.json", "-o", "one", "--queue", url, "--store", "store-one"]);
    const helper = worker(url, "store-two");
    expect([await sweep.ended(), sweep.text]).toEqual([1, expect.stringContaining("WSC8105: 1 of 1 jobs have failed")]);
    expect(readFileSync(at("one/results.csv"), "utf8")).toContain("WSC8104: the store does not have");
    await helper.kill();
  });

  it("says that the server refuses a password", async () => {
    const server = await serve({ password: "right" });
    const { code, stderr } = await wsc(
      ["sweep", "spec.json", "-o", "wrong", "--queue", `redis://:wrong@127.0.0.1:${server.port}`],
      scratch.path,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC8102: the queue at redis:\/\/127\.0\.0\.1:\d+ cannot be used: .*WRONGPASS/);
    expect(stderr).not.toContain("wrong@");
  });
});

describe("a queue that is not there", () => {
  it("is told by sweeps and workers", async () => {
    const nobody = "redis://127.0.0.1:1";
    for (const args of [
      ["sweep", "spec.json", "-o", "nobody", "--queue", nobody],
      ["worker", "--queue", nobody, "--store", "store"],
    ]) {
      const { code, stderr } = await wsc(args, scratch.path);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining("WSC8102: the queue at redis://127.0.0.1:1 cannot be used"),
      ]);
    }
    const { code, stderr } = await wsc(["sweep", "spec.json", "--queue", "http://x"], scratch.path);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--queue takes redis://HOST:PORT")]);
  });
});
