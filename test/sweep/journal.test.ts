/** Journals: what is torn, mixed or strange in one costs no more than the line that it is in. */
import { afterAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { digestOf } from "../../compiler/sweep/jobs/digest.ts";
import type { Outcome } from "../../compiler/sweep/jobs/job.ts";
import { Journal } from "../../compiler/sweep/state/journal.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("sweep-journal");
afterAll(scratch.remove);

const key = (n: number): string => digestOf(String(n));
const done = (n: number): Outcome => ({ kind: "done", figures: { n, name: `é ${n}` }, files: {} });

let files = 0;
const freshFile = (): string => path.join(scratch.path, `${files++}.jsonl`);

describe("a journal", () => {
  it("tells what was added, also when it is opened again", async () => {
    const file = freshFile();
    const journal = await Journal.open(file);
    journal.add(key(1), done(1));
    journal.add(key(2), { kind: "refused", diagnostics: [{ code: "WSC5002", severity: "error", message: "no" }] });
    journal.add(key(3), { kind: "failed", message: "out of memory" });
    journal.add(key(1), done(9));
    for (const each of [journal, await Journal.open(file)]) {
      expect([1, 2, 3, 4].map((n) => each.has(key(n)))).toEqual([true, true, false, false]);
      expect(each.outcome(key(1))).toEqual(done(1));
      expect(each.outcome(key(3))).toEqual({ kind: "failed", message: "out of memory" });
      expect(each.outcome(key(4))).toBeNull();
    }
    journal.add(key(3), done(3));
    expect((await Journal.open(file)).outcome(key(3))).toEqual(done(3));
  });

  it("that was cut off anywhere has all lines that are whole, and goes on", async () => {
    const whole = freshFile();
    const journal = await Journal.open(whole);
    for (let n = 0; n < 5; n++) journal.add(key(n), done(n));
    const bytes = readFileSync(whole);
    const cuts = fc.integer({ min: 0, max: bytes.length });
    await fc.assert(
      fc.asyncProperty(cuts, async (length) => {
        const file = freshFile();
        writeFileSync(file, bytes.subarray(0, length));
        const lines = bytes.subarray(0, length).filter((byte) => byte === 10).length;
        const torn = await Journal.open(file);
        expect([0, 1, 2, 3, 4].filter((n) => torn.has(key(n)))).toEqual([0, 1, 2, 3, 4].slice(0, lines));
        for (let n = 0; n < 5; n++) torn.add(key(n), done(n));
        torn.close();
        const again = await Journal.open(file);
        expect([0, 1, 2, 3, 4].map((n) => again.outcome(key(n)))).toEqual([0, 1, 2, 3, 4].map(done));
        again.close();
      }),
      { numRuns: 40 },
    );
  });

  it("passes over what is no line of a job, and finds its own behind another's", async () => {
    const file = freshFile();
    writeFileSync(file, `null\n{"job":"x"}\n\n${JSON.stringify({ job: key(1), outcome: { kind: "odd" } })}\n`);
    const journal = await Journal.open(file);
    journal.add(key(1), done(1));
    appendFileSync(file, `${JSON.stringify({ job: key(7), outcome: done(7) })}\n`);
    journal.add(key(2), done(2));
    expect([1, 2].map((n) => journal.outcome(key(n)))).toEqual([1, 2].map(done));
    expect((await Journal.open(file)).outcome(key(7))).toEqual(done(7));
  });
});
