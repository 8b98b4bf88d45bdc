/** What regions hold before the first sample, as few runs of places and elements. */
import type { Load } from "../../ir/fabric/program.ts";
import type { Core } from "../../ir/placement.ts";
import { elementsOf } from "./descriptors.ts";
import type { LayerLoad } from "./layer.ts";

/** A run of places that hold elements. */
type Run = Pick<Load, "at" | "elements">;

/** Loads of regions: one for each run of places that hold an element. Lists that cores share are looked through once. */
export function loader(): (at: Core, load: LayerLoad) => Load[] {
  const known = new WeakMap<Int32Array, readonly Run[]>();
  return (at, { region, from, elements }) => {
    const runs = known.get(elements) ?? runsOf(elements);
    known.set(elements, runs);
    return runs.map((run) => ({ ...at, region, at: run.at, from, elements: run.elements }));
  };
}

function runsOf(elements: Int32Array): Run[] {
  const runs: Run[] = [];
  for (let begin = 0; begin < elements.length;) {
    if ((elements[begin] as number) < 0) {
      begin++;
      continue;
    }
    let end = begin;
    while (end < elements.length && (elements[end] as number) >= 0) end++;
    runs.push({ at: begin, elements: elementsOf(elements.subarray(begin, end)) });
    begin = end;
  }
  return runs;
}
