/** The command lines that README and docs show: indented or fenced lines that begin with `wsc` or `npx wsc`. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../helpers/programs.ts";

export interface ShownCommand {
  /** `docs/placement.md:62` */
  readonly place: string;
  /** without `wsc`, its comment and where its output goes */
  readonly text: string;
}

/** Pages with commands, in the order in which a reader meets them. */
export const pages: readonly string[] = [
  "README.md",
  "examples/README.md",
  ...readdirSync(path.join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .toSorted()
    .map((file) => `docs/${file}`),
];

export function commandsOf(page: string): readonly ShownCommand[] {
  let isFenced = false;
  return readFileSync(path.join(root, page), "utf8")
    .split("\n")
    .flatMap((line, index) => {
      if (line.startsWith("```")) isFenced = !isFenced;
      const [, text] =
        /^(?: {4})?\s*(?:\$ )?(?:npx )?wsc (.*)$/.exec(isFenced || line.startsWith("    ") ? line : "") ?? [];
      if (text === undefined || text.startsWith("<command>")) return [];
      const plain = text
        .replace(/\s+#.*$/, "")
        .replace(/\s+>\s*\S+$/, "")
        .trim();
      return alternatives(plain).map((command) => ({ place: `${page}:${index + 1}`, text: command }));
    });
}

/** `--mode auto|pipeline` stands for two commands. */
function alternatives(text: string): readonly string[] {
  const [word] = /\S*\w\|\w\S*/.exec(text) ?? [];
  return word === undefined ? [text] : word.split("|").map((choice) => text.replace(word, choice));
}
