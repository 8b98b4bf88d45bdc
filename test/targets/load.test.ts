import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadTarget, parseTarget } from "../../compiler/targets/load.ts";
import { presets } from "../../compiler/targets/presets.ts";
import { targetSchema } from "../../compiler/targets/schema.ts";
import { routeColors, usableRect } from "../../ir/machine/target.ts";
import { editDistance, nearestName } from "../../ir/nearest.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { WscError } from "../../ir/diagnostic.ts";

async function messagesOf(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WscError)) throw new Error("nothing was wrong with it");
  expect(new Set(error.diagnostics.map(({ code }) => code))).toEqual(new Set(["WSC5001"]));
  return error.diagnostics.map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`));
}

/** WSE-2 as JSON, with some of its fields replaced. */
const changed = (changes: object): unknown => ({ ...(JSON.parse(JSON.stringify(wse2)) as object), ...changes });

describe("presets", () => {
  it.each([...presets.values()])("$name satisfies the schema", async (target) => {
    expect(await parseTarget(JSON.parse(JSON.stringify(target)), target.name)).toEqual(target);
    expect(target.facts.length).toBeGreaterThan(2);
  });

  it("leave the I/O rim out of the usable rectangle", () => {
    expect(usableRect(wse2)).toEqual({ x: 4, y: 1, width: 750, height: 994 });
  });

  it("keep reserved colors and those of the kernels from routes", () => {
    expect(routeColors(wse2)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });
});

describe("the schema", () => {
  it("is the one in docs", () => {
    const file = path.join(import.meta.dirname, "../../docs/target.schema.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(targetSchema);
  });
});

describe("a user's target", () => {
  it("says what a field must be", async () => {
    const messages = await messagesOf(parseTarget(changed({ fabric: { width: "10", height: 5 } }), "my.json"));
    expect(messages).toEqual(["fabric.width must be an integer"]);
  });

  it("lists all problems at once", async () => {
    const json = changed({ fabric: { width: 0 }, clock: { min: 1, max: 2, used: -1 } });
    const messages = await messagesOf(parseTarget(json, "my.json"));
    expect(messages).toEqual(
      expect.arrayContaining([
        "fabric.height is missing",
        expect.stringMatching(/^fabric\.width must be >= 1/),
        expect.stringMatching(/^clock\.used must be > 0/),
      ]),
    );
  });

  it("refuses unknown keys and names the nearest", async () => {
    const messages = await messagesOf(parseTarget(changed({ fabrik: 1 }), "my.json"));
    expect(messages).toEqual(['fabrik is not a field of a target (did you mean "fabric"?)']);
  });

  it.each([
    [{ io: { ...wse2.io, columnsWest: 757 } }, /io takes \d+ columns of a fabric 757 wide/],
    [{ io: { ...wse2.io, rowsSouth: 996 } }, /io takes \d+ rows of a fabric 996 high/],
    [{ clock: { min: 1, max: 2, used: 3 } }, /clock\.used must lie between/],
    [{ core: { ...wse2.core, sramBytes: 1_000 } }, /leave no SRAM/],
    [{ colors: { perRouter: 4, reserved: [3], kernel: 3 } }, /leave no color/],
  ])("refuses fields that contradict each other: %j", async (change, expected) => {
    expect((await messagesOf(parseTarget(changed(change), "my.json"))).join("\n")).toMatch(expected);
  });

  it.each([null, [], "wse2", 7, {}])("refuses %j", async (json) => {
    expect((await messagesOf(parseTarget(json, "my.json"))).length).toBeGreaterThan(0);
  });

  it("is read from a file", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "wsc-target-"));
    try {
      const file = path.join(folder, "mine.json");
      writeFileSync(file, JSON.stringify(changed({ name: "mine" })));
      expect((await loadTarget(file)).name).toBe("mine");
      writeFileSync(file, "{");
      expect((await messagesOf(loadTarget(file)))[0]).toMatch(/is not JSON/);
      expect((await messagesOf(loadTarget(path.join(folder, "none.json"))))[0]).toMatch(/cannot be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("suggests a preset for a name that is near one", async () => {
    expect((await messagesOf(loadTarget("wse-2")))[0]).toMatch(/no target named "wse-2".*did you mean "wse2"/);
  });
});

describe("nearest names", () => {
  it("count edits", () => {
    expect([editDistance("", "abc"), editDistance("kitten", "sitting"), editDistance("a", "a")]).toEqual([3, 3, 0]);
  });

  it("suggest nothing for a word that is near none", () => {
    expect(nearestName("zzzzzz", ["fabric", "clock"])).toBeUndefined();
  });
});
