/** The house's rules, walked over the sources: imports point one way, files are found by their names, nothing is cyclic between folders. */
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

interface Rule {
  readonly folder: string;
  readonly mayNotImport: readonly string[];
  readonly except?: string;
}

const root = path.join(import.meta.dirname, "..", "..");
const { forbiddenImports, checker } = (await import(path.join(root, "eslint.config.js"))) as {
  readonly forbiddenImports: readonly Rule[];
  readonly checker: { readonly folder: string; readonly mayImport: readonly string[] };
};

const sources = ["ir", "runtime", "compiler"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}/${file}`),
);

/** Project files that a source imports, statically or lazily. */
function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map(
    (match) => match[1] as string,
  );
  return specifiers.map((specifier) => path.posix.join(path.posix.dirname(file), specifier));
}

const isIn = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);

describe("the house", () => {
  it("has sources in every layer", () => {
    for (const { folder } of forbiddenImports) expect(sources.some((file) => isIn(file, folder))).toBe(true);
  });

  it.each(forbiddenImports.map((rule) => [rule.folder, rule] as const))("%s imports only what it may", (_, rule) => {
    const broken = sources
      .filter((file) => isIn(file, rule.folder) && file !== rule.except)
      .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
      .filter(({ target }) => rule.mayNotImport.some((folder) => isIn(target, folder)));
    expect(broken).toEqual([]);
  });

  it("keeps the checker of placements apart from the placer", () => {
    const own = sources.filter((file) => isIn(file, checker.folder));
    expect(own).toContain("compiler/placement/checker/check.ts");
    const foreign = own
      .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
      .filter(({ target }) => ![checker.folder, ...checker.mayImport].some((folder) => isIn(target, folder)));
    expect(foreign).toEqual([]);
  });

  it("reaches the compiler from the runtime in one place, lazily", () => {
    const text = readFileSync(path.join(root, "runtime/model-compiler.ts"), "utf8");
    expect(text).toContain('await import("../compiler/session-compiler.ts")');
    expect(text).not.toMatch(/^import .*compiler/m);
  });

  it("imports only files that exist", () => {
    const missing = sources.flatMap((file) => importsOf(file).filter((target) => !sources.includes(target)));
    expect(missing).toEqual([]);
  });
});
