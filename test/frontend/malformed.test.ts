/**
 * The malformed and unusual models of ../shared/conformance: what must be refused is refused with a message that names the fault, what
 * must be accepted lowers. Nothing may fail with anything but a diagnostic.
 */
import { afterAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { WscError } from "../../ir/diagnostic.ts";

interface Case {
  readonly id: string;
  readonly must: "refuse" | "accept" | "either";
  readonly mentions: readonly string[];
}

/** Valid models whose fault is in what they are fed. */
const faultyFeeds = new Set(["shape-feed-wrong-shape"]);

/** A declared shape is a claim: where nodes give another one, that is used, with a warning. */
const claims = new Set(["shape-output-conflict"]);

const archive = path.join(import.meta.dirname, "..", "..", "..", "shared", "conformance", "bad.tar.xz");
const isThere = existsSync(archive);
if (!isThere) console.warn(`skipped: ${archive} is missing`);

const folder = mkdtempSync(path.join(tmpdir(), "wsc-malformed-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Lowers a model; the error instead when it is refused. */
async function outcomeOf(id: string): Promise<unknown> {
  try {
    lowerModel(await readModel(path.join(folder, "bad", id, "model.onnx")));
    return null;
  } catch (error) {
    return error;
  }
}

function unpack(): readonly Case[] {
  if (!isThere) return [];
  execFileSync("tar", ["xf", archive, "-C", folder]);
  return JSON.parse(readFileSync(path.join(folder, "bad", "index.json"), "utf8")) as Case[];
}

const cases = unpack();
const named = (must: Case["must"]): Case[] =>
  cases.filter((entry) => (claims.has(entry.id) ? "accept" : entry.must) === must && !faultyFeeds.has(entry.id));

if (!isThere) it.skip("malformed models", () => undefined);
else describe("malformed models", suite);

function suite(): void {
  it("are all there", () => {
    expect(cases.length).toBe(78);
  });

  it.each(named("refuse"))("refuses $id", async ({ id, mentions }) => {
    const error = await outcomeOf(id);
    expect(error).toBeInstanceOf(WscError);
    const { message } = error as WscError;
    expect(mentions.filter((pattern) => new RegExp(pattern, "i").test(message))).not.toEqual([]);
  });

  it.each(named("accept"))("accepts $id", async ({ id }) => {
    expect(await outcomeOf(id)).toBeNull();
  });

  it.each(named("either"))("accepts $id, or refuses it clearly", async ({ id, mentions }) => {
    const error = await outcomeOf(id);
    if (error === null) return;
    expect(error).toBeInstanceOf(WscError);
    expect((error as WscError).message).toMatch(new RegExp(mentions.join("|"), "i"));
  });
}
