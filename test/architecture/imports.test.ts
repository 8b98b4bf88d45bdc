/** The house's rules, walked over the sources: imports are those of the allow-list (house.mjs), and nothing goes round in a circle. */
import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { house, knownCycles, mayImport, printHouse, rowOf } from "../../house.mjs";

const root = path.join(import.meta.dirname, "..", "..");

const sources = ["ir", "runtime", "compiler"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => `${folder}/${file}`),
);

const textOf = new Map(sources.map((file) => [file, readFileSync(path.join(root, file), "utf8")]));

const resolved = (file: string, specifier: string): string => path.posix.join(path.posix.dirname(file), specifier);

/** Project files that a source imports, statically or lazily, for values or types. */
const importsOf = (file: string): readonly string[] =>
  [...(textOf.get(file) ?? "").matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map(([, specifier = ""]) =>
    resolved(file, specifier),
  );

/** Those that have to be loaded before it: without types, and without what is imported later. */
function loadedFirst(file: string): readonly string[] {
  const statements = [...(textOf.get(file) ?? "").matchAll(/^(?:import|export)\s[^;]*?from\s*"(\.{1,2}\/[^"]+)"/gm)];
  return statements.flatMap(([statement, specifier = ""]) => {
    if (/^(?:import|export)\s+type\s/.test(statement)) return [];
    const names = /\{([^}]*)\}/
      .exec(statement)?.[1]
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
    return names?.every((name) => name.startsWith("type ")) === true ? [] : [resolved(file, specifier)];
  });
}

/** Sets of files each of which needs all others of its set to be loaded first (Tarjan's components). */
function cyclesOf(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): number => {
    const number = order.size;
    order.set(file, number);
    let least = number;
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!order.has(next)) least = Math.min(least, visit(next));
      else if (stack.includes(next)) least = Math.min(least, order.get(next) ?? least);
    }
    low.set(file, least);
    if (least === number) {
      const cycle = stack.splice(stack.indexOf(file));
      if (cycle.length > 1) cycles.push(cycle.sort());
    }
    return least;
  };
  for (const file of edges.keys()) if (!order.has(file)) visit(file);
  return cycles;
}

describe("the house", () => {
  it("has a row for every source, and sources for every row", () => {
    expect(sources.filter((file) => rowOf(file) === null)).toEqual([]);
    const rows = new Set(sources.map((file) => rowOf(file)?.folder));
    expect(house.filter((row) => row.isPlanned !== true && !rows.has(row.folder)).map(({ folder }) => folder)).toEqual(
      [],
    );
  });

  it.each(house.map((row) => [row.folder, row] as const))("%s imports only what its row lists", (_, row) => {
    const broken = sources
      .filter((file) => rowOf(file) === row)
      .flatMap((file) => importsOf(file).map((target) => `${file} -> ${target}`))
      .filter((edge) => !mayImport(row, edge.split(" -> ")[1] ?? ""));
    expect(broken).toEqual([]);
  });

  it("lists nothing that is not there", () => {
    const known = new Set([...house.map(({ folder }) => folder), ...sources]);
    const unknown = house.flatMap((row) =>
      row.mayImport.filter((entry) => !known.has(entry.replace(/\/\*\*$/, "")) && !existsSync(path.join(root, entry))),
    );
    expect(unknown).toEqual([]);
  });

  it("keeps compiler and runtime apart, and the checker from the placer", () => {
    const may = (from: string, to: string): boolean => {
      const row = rowOf(from);
      return row !== null && mayImport(row, to);
    };
    expect(may("ir/graph.ts", "runtime/session.ts")).toBe(false);
    expect(may("runtime/session.ts", "compiler/session-compiler.ts")).toBe(false);
    expect(may("runtime/model-compiler.ts", "compiler/session-compiler.ts")).toBe(true);
    expect(may("compiler/placement/checker/check.ts", "compiler/placement/problem.ts")).toBe(false);
    expect(may("compiler/placement/place.ts", "compiler/placement/checker/check.ts")).toBe(false);
    expect(may("compiler/kernels/build.ts", "compiler/passes/pass.ts")).toBe(false);
  });

  it("reaches the compiler from the runtime in one place, lazily", () => {
    const text = textOf.get("runtime/model-compiler.ts") ?? "";
    expect(text).toContain('await import("../compiler/session-compiler.ts")');
    expect(text).not.toMatch(/^import .*compiler/m);
  });

  it("has no cycles", () => {
    expect(cyclesOf(new Map(sources.map((file) => [file, loadedFirst(file)])))).toEqual(knownCycles);
    // the search for cycles finds one
    expect(
      cyclesOf(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
    ).toEqual([["b", "c"]]);
  });

  it("imports only files that exist", () => {
    // what the build writes is declared beside its users
    const exists = (file: string): boolean =>
      textOf.has(file) || textOf.has(file.replace(/\.js$/, ".d.ts")) || existsSync(path.join(root, file));
    const missing = sources.flatMap((file) => importsOf(file).filter((target) => !exists(target)));
    expect(missing).toEqual([]);
  });

  it("is what docs/architecture.md says; `node scripts/print-house.mjs --write` makes it so", () => {
    const docs = readFileSync(path.join(root, "docs", "architecture.md"), "utf8");
    expect(docs).toContain(printHouse());
  });
});
