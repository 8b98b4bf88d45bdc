/** Cores as few strided rectangles. */
import type { CoreSet } from "../../ir/fabric/program.ts";
import type { Core } from "../../ir/placement.ts";

/** A run of evenly spaced columns. */
interface Run {
  readonly x: number;
  readonly columns: number;
  readonly stepX: number;
}

/** Sets that hold exactly the given cores, in an order that depends on the cores alone. */
export function coreSetsOf(cores: readonly Core[]): CoreSet[] {
  const rows = new Map<number, number[]>();
  for (const { x, y } of cores) {
    const row = rows.get(y);
    if (row === undefined) rows.set(y, [x]);
    else row.push(x);
  }
  const byRun = new Map<string, { readonly run: Run; readonly ys: number[] }>();
  for (const [y, xs] of [...rows].sort(([a], [b]) => a - b)) {
    for (const run of runsOf(xs.toSorted((a, b) => a - b))) {
      const key = `${run.x} ${run.columns} ${run.stepX}`;
      const known = byRun.get(key);
      if (known === undefined) byRun.set(key, { run, ys: [y] });
      else known.ys.push(y);
    }
  }
  return [...byRun.values()].flatMap(({ run, ys }) =>
    runsOf(ys).map(({ x: y, columns: count, stepX: stepY }) => ({ ...run, y, rows: count, stepY })),
  );
}

/** Ascending numbers as evenly spaced runs. */
function runsOf(numbers: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let begin = 0; begin < numbers.length;) {
    const first = numbers[begin] as number;
    const step = begin + 1 < numbers.length ? (numbers[begin + 1] as number) - first : 1;
    let end = begin + 1;
    while (end < numbers.length && (numbers[end] as number) - (numbers[end - 1] as number) === step) end++;
    // a pair may be the beginning of two better runs
    if (end - begin === 2 && step > 1 && end < numbers.length) end = begin + 1;
    runs.push({ x: first, columns: end - begin, stepX: end - begin === 1 ? 1 : step });
    begin = end;
  }
  return runs;
}
