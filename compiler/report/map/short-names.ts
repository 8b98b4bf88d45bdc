/** Names for labels: as short as can be while no two are alike. */
import { nth } from "../../../ir/access.ts";

/** Exporters end paths with the operator's name, which color and table tell. */
const operatorName = /^[A-Z][A-Za-z]*(_\d+)?$/;

/** The last parts of a path, the fewest first, and at last all of it. */
function endings(name: string): readonly string[] {
  const parts = name.split("/").filter((part) => part !== "");
  const last = parts.at(-1);
  const telling = parts.length > 1 && last !== undefined && operatorName.test(last) ? parts.slice(0, -1) : parts;
  const shortened = telling.map((_, index) => telling.slice(telling.length - 1 - index).join("/"));
  return [...shortened, parts.join("/"), name];
}

/** Labels in the order of the names: for each the fewest last parts of its path that no other name ends with. */
export function shortNames(names: readonly string[]): readonly string[] {
  const all = names.map(endings);
  const users = new Map<string, Set<string>>();
  for (const [index, own] of all.entries()) {
    for (const ending of own) {
      const known = users.get(ending);
      if (known === undefined) users.set(ending, new Set([nth(names, index)]));
      else known.add(nth(names, index));
    }
  }
  return all.map((own, index) => own.find((ending) => users.get(ending)?.size === 1) ?? nth(names, index));
}
