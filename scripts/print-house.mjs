/** Prints the table of who may import whom (house.mjs); with `--write` it replaces the one in docs/architecture.md. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { printHouse } from "../house.mjs";

if (process.argv.includes("--write")) {
  const file = path.join(import.meta.dirname, "..", "docs", "architecture.md");
  const text = readFileSync(file, "utf8");
  const table = /\| folder \| subject \| may import \|\n(?:\|.*\n)+/;
  if (!table.test(text)) throw new Error("docs/architecture.md has no table of folders");
  writeFileSync(
    file,
    text.replace(table, () => `${printHouse()}\n`),
  );
} else process.stdout.write(`${printHouse()}\n`);
