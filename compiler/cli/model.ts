/** `wsc model`: writes the graph of a language model, by name or from its config.json, with weights beside it. */
import { statfs } from "node:fs/promises";
import path from "node:path";
import { fail } from "../../ir/diagnostic.ts";
import { claimFiles, type Content } from "../files/output-files.ts";
import { draftOf, shapeOf } from "../planner/models/build.ts";
import { type ModelConfig, resized } from "../planner/models/config.ts";
import { checkContext, findModel } from "../planner/models/find.ts";
import { namedModels } from "../planner/models/named/index.ts";
import { modelFiles } from "../planner/models/write.ts";
import { exitCodes, note } from "./failure.ts";
import { printTable } from "./table.ts";

export interface ModelArguments {
  readonly name: string | undefined;
  readonly config: string | undefined;
  readonly seq: number | undefined;
  readonly openSeq: boolean;
  readonly batch: number;
  readonly decode: boolean;
  readonly prefill: boolean;
  readonly dtype: "f16" | "f32";
  readonly sparseWeights: boolean;
  readonly seed: number;
  readonly layers: number | undefined;
  readonly hidden: number | undefined;
  readonly heads: number | undefined;
  readonly kvHeads: number | undefined;
  readonly headSize: number | undefined;
  readonly inner: number | undefined;
  readonly vocabulary: number | undefined;
  readonly experts: number | undefined;
  readonly chosen: number | undefined;
  readonly output: string | undefined;
  readonly force: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Tokens of a graph where none are asked for, if the model has so many. */
const usualTokens = 4096;

export async function writeModel(given: ModelArguments): Promise<number> {
  if (given.name === undefined && given.config === undefined) return listModels(given.json);
  if (given.decode && given.prefill)
    throw fail("WSC8001", "--decode and --prefill are given, and one of them is meant");
  const config = resizedBy(await findModel(given.name, given.config), given);
  checkCount("batch", given.batch);
  if (given.seq !== undefined) checkCount("seq", given.seq);
  const tokens = given.seq ?? Math.min(usualTokens, config.context);
  checkContext(config, tokens);
  const step = given.decode ? "decode" : "prefill";
  if (step === "decode" && tokens < 2)
    throw fail("WSC8001", "--seq of a decode step counts the cache and the new token: at least 2");
  const draft = draftOf(config, {
    dtype: given.dtype,
    step,
    batch: given.batch,
    sequence: given.openSeq ? "open" : tokens,
  });
  const output = given.output ?? `${config.name}.onnx`;
  const [folder, file] = [path.dirname(output), path.basename(output)];
  const dataName = `${file}.data`;
  const files = await claimFiles(folder, [file, dataName], { force: given.force });
  const { model, data } = await modelFiles(draft, config.name, dataName, given.sparseWeights ? null : given.seed);
  if (!given.sparseWeights) await checkSpace(folder, data.byteLength);
  await files.write(
    new Map<string, Content>([
      [file, model],
      [dataName, data],
    ]),
  );
  const { parameters } = shapeOf(config);
  const summary = {
    model: config.name,
    step,
    tokens: given.openSeq ? "open" : tokens,
    batch: given.batch,
    dtype: given.dtype,
  };
  const sizes = { nodes: draft.nodes.length, weights: draft.weights.length, parameters, dataBytes: data.byteLength };
  if (given.json)
    process.stdout.write(`${JSON.stringify({ ...summary, ...sizes, files: [file, dataName] }, null, 2)}\n`);
  else
    note(
      `${output}: ${step} of ${config.name}, ${parameters} parameters; ${dataName}: ${data.byteLength} bytes${given.sparseWeights ? " of holes" : ""}`,
      given.quiet,
    );
  return exitCodes.done;
}

function listModels(json: boolean): number {
  const rows = [...namedModels.values()].map((config) => ({ ...config, parameters: shapeOf(config).parameters }));
  if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    printTable(
      ["name", "parameters", "layers", "hidden", "context", "source"],
      rows.map((row) => [
        row.name,
        `${(row.parameters / 1e9).toFixed(2)} billion`,
        String(row.layers + (row.encoderLayers ?? 0)),
        String(row.hidden),
        String(row.context),
        row.source,
      ]),
    );
  return exitCodes.done;
}

function resizedBy(config: ModelConfig, given: ModelArguments): ModelConfig {
  const overrides = [
    "layers",
    "hidden",
    "heads",
    "kvHeads",
    "headSize",
    "inner",
    "vocabulary",
    "experts",
    "chosen",
  ] as const;
  const set = overrides.flatMap((key) => {
    const value = given[key];
    if (value === undefined) return [];
    checkCount(
      key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      value,
    );
    return [[key, value] as const];
  });
  const result = resized(config, Object.fromEntries(set));
  const { attention } = result;
  if (attention.kind === "heads" && attention.heads % attention.kvHeads !== 0)
    throw fail("WSC8001", `--kv-heads ${attention.kvHeads} does not divide ${attention.heads} heads`);
  if (given.headSize !== undefined && given.headSize % 4 !== 0)
    throw fail("WSC8001", `--head-size takes a multiple of 4, not ${given.headSize}`);
  return result;
}

const mostOfAnything = 2 ** 31;

function checkCount(option: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0 && value < mostOfAnything) return;
  throw fail("WSC8001", `--${option} takes a positive whole number, not ${value}`);
}

async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes <= bavail * bsize) return;
  throw fail("WSC8003", `${bytes} bytes of weights do not fit on the disk, which has ${bavail * bsize} free`, {
    hint: "--sparse-weights writes a file that takes no place",
  });
}
