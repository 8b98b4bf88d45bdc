/** What the benchmarks import exists: they run by hand, so a renamed function would be found late. */
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const folder = import.meta.dirname;
const scripts = readdirSync(folder).filter((file) => file.endsWith(".mjs"));

/** Names that a script imports from files of the project, with the files. */
function imported(script: string): readonly { readonly name: string; readonly file: string }[] {
  const text = readFileSync(path.join(folder, script), "utf8");
  const statements = [
    ...text.matchAll(/import \{([^}]*)\} from "(\.[^"]+)"/g),
    ...text.matchAll(/const \{([^}]*)\} = await import\("(\.[^"]+)"\)/g),
  ];
  return statements.flatMap(([, names = "", file = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().split(/\s|:/)[0] ?? "")
      .filter((name) => name !== "")
      .map((name) => ({ name, file: path.join(folder, file) })),
  );
}

const builtIn = (file: string): boolean => file.includes(`${path.sep}dist${path.sep}`);

describe("benchmarks", () => {
  it("are found", () => {
    expect(scripts.length).toBeGreaterThan(10);
  });

  it.each(scripts)("%s imports what the built files export", async (script) => {
    const missing: string[] = [];
    for (const { name, file } of imported(script).filter(({ file }) => builtIn(file))) {
      const module = (await import(file)) as Readonly<Record<string, unknown>>;
      if (!(name in module)) missing.push(`${name} of ${path.relative(folder, file)}`);
    }
    expect(missing).toEqual([]);
  });
});
