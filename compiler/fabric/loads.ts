/** What regions hold before the first sample, as few runs of places and elements. */
import type { Load } from "../../ir/fabric/program.ts";
import type { Core } from "../../ir/placement.ts";
import { elementsOf } from "./descriptors.ts";
import type { LayerLoad } from "./layer.ts";

/** Loads of a region: one for each run of places that hold an element. */
export function loadsIn(at: Core, { region, from, elements }: LayerLoad): Load[] {
  const loads: Load[] = [];
  for (let begin = 0; begin < elements.length;) {
    if ((elements[begin] as number) < 0) {
      begin++;
      continue;
    }
    let end = begin;
    while (end < elements.length && (elements[end] as number) >= 0) end++;
    loads.push({ ...at, region, at: begin, from, elements: elementsOf(elements.subarray(begin, end)) });
    begin = end;
  }
  return loads;
}
