/** A two-layer member of each family runs: it equals onnxruntime, a step behind a cache equals the whole, and both write the same tokens. */
import { describe, expect, it } from "@jest/globals";
import type { ModelConfig } from "../../compiler/planner/models/config.ts";
import { relativeError } from "../helpers/oracle.ts";
import { cacheOf, graphsOf, likeliest, member, promptFeeds, type Run, stepFeeds, type Values } from "./member.ts";

const members: readonly ModelConfig[] = [
  member("gpt3-1.3b"),
  member("gpt-neox-20b"),
  member("gopher-280b"),
  member("dalle-12b"),
  member("llama3.1-8b", { kvHeads: 2 }),
  member("mistral-large-2", { kvHeads: 1 }),
  member("qwen3-32b", { kvHeads: 2 }),
  member("grok-1", { kvHeads: 2, experts: 4 }),
  member("gpt-oss-120b", { kvHeads: 2, experts: 8 }),
  member("qwen3-235b", { kvHeads: 2, experts: 16, chosen: 3 }),
  member("deepseek-r1", { experts: 16, chosen: 3 }),
  member("kimi-k2", { experts: 16, chosen: 3 }),
  member("switch-c", { experts: 8 }),
  member("switch-xxl", { experts: 8 }),
];

const prompt = [5, 17, 3, 90, 41, 8, 62];

/** Greatest difference of any output, and which outputs there are. */
function difference(actual: Values, expected: Values): number {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  return Math.max(...Object.entries(expected).map(([name, { data }]) => relativeError(actual[name]?.data ?? [], data)));
}

/** A prompt's graph has one token of the decoder, so a decoder behind an encoder has no whole to compare with. */
const behindEncoder = (config: ModelConfig): boolean => config.family === "switch";

describe.each(members.map((config) => [config.name, config] as const))("a small %s", (_, config) => {
  it("computes what onnxruntime computes, prompt and step", async () => {
    const whole = await graphsOf(config, "prefill", prompt.length);
    const feeds = promptFeeds(config, prompt);
    const expected = await whole.oracle(feeds);
    expect(difference(await whole.wsc(feeds), expected)).toBeLessThan(1e-4);
    if (behindEncoder(config)) return;
    const step = await graphsOf(config, "decode", prompt.length + 1);
    const next = stepFeeds(33, prompt.length, expected);
    expect(difference(await step.wsc(next), await step.oracle(next))).toBeLessThan(1e-4);
  });

  const wholeIt = behindEncoder(config) ? it.skip : it;
  wholeIt("gives the same for a step behind a cache and for the whole", async () => {
    const [all, last] = [prompt, prompt.at(-1) ?? 0];
    const whole = await graphsOf(config, "prefill", all.length);
    const shorter = await graphsOf(config, "prefill", all.length - 1);
    const step = await graphsOf(config, "decode", all.length);
    const before = await shorter.wsc(promptFeeds(config, all.slice(0, -1)));
    const stepped = await step.wsc(stepFeeds(last, all.length - 1, before));
    expect(difference(stepped, await whole.wsc(promptFeeds(config, all)))).toBeLessThan(1e-4);
  });

  it("writes the same 32 tokens as onnxruntime", async () => {
    const [start, step] = [await graphsOf(config, "prefill", "open"), await graphsOf(config, "decode", "open")];
    const write = async (first: Run, next: Run): Promise<number[]> => {
      let results = await first(promptFeeds(config, prompt));
      const encoded = Object.fromEntries(Object.entries(cacheOf(results)).filter(([name]) => name.includes("encoder")));
      const written = [likeliest(results)];
      const begin = behindEncoder(config) ? 1 : prompt.length;
      while (written.length < 32) {
        const feeds = stepFeeds(written.at(-1) ?? 0, begin + written.length - 1, results);
        results = await next({ ...encoded, ...feeds });
        written.push(likeliest(results));
      }
      return written;
    };
    const tokens = await write(start.wsc, step.wsc);
    expect(tokens).toHaveLength(32);
    expect(tokens).toEqual(await write(start.oracle, step.oracle));
  });
});
