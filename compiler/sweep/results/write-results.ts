/** Writes what came of a sweep: tables, the page, and the files of its points under names that people can open. */
import { mkdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { nth } from "../../../ir/access.ts";
import type { Scalar } from "../../axes.ts";
import { claimFiles } from "../../files/output-files.ts";
import { renderSweep } from "../../report/sweep-page.ts";
import { runJob } from "../jobs/run-job.ts";
import { Workshop } from "../jobs/workshop.ts";
import { actions, type Kept, keptFiles } from "../spec/actions.ts";
import { folderFiles } from "../state/sweep-folder.ts";
import type { Store } from "../store/store.ts";
import { frontierOf, lossesOf } from "./frontier.ts";
import { csvHead, csvLine, jsonLine, parquetFile, tableFiles } from "./table-files.ts";
import { columnsOf, type Row, rowsOf, type TableSource } from "./table.ts";

export const reportFile = "report.html";

/** Files of points, by job: `points/JOB/report.html`. */
const pointsFolder = "points";

/** Digits of a job's name that tell it from the others of a sweep. */
const shortKey = 16;

/** Pages of the frontier that are made where points leave none. */
const mostMadePages = 100;

export interface ResultsOptions {
  readonly source: TableSource;
  readonly indices: () => Iterable<number>;
  readonly folder: string;
  readonly store: Store;
  readonly title: string;
  readonly force: boolean;
  /** whether pages of the frontier's points are made where there are none */
  readonly makesPages: boolean;
}

export interface Written {
  readonly rows: number;
  /** rows by what became of them */
  readonly counts: Readonly<Record<"points" | "done" | "refused" | "failed", number>>;
  readonly frontier: readonly Readonly<Record<string, Scalar>>[];
  readonly files: readonly string[];
}

/** A row as it is kept until all are there. */
type Brief = Pick<Row, "job"> & {
  readonly files: Readonly<Partial<Record<Kept, string>>>;
  readonly losses: readonly number[] | null;
};

export async function writeResults(options: ResultsOptions): Promise<Written> {
  const { source, indices, folder, title, force } = options;
  const { spec } = source;
  const files = await claimFiles(folder, [...Object.values(tableFiles), reportFile], { force });
  const columns = columnsOf(spec);
  const cells: Scalar[][] = columns.map(() => []);
  const briefs: Brief[] = [];
  const counts = { points: 0, done: 0, refused: 0, failed: 0 };
  const texts = { jsonLines: [] as string[], csv: [csvHead(columns)] };
  for await (const row of rowsOf(source, indices())) {
    for (const [i, cell] of row.cells.entries()) nth(cells, i).push(cell);
    texts.jsonLines.push(jsonLine(columns, row.cells));
    texts.csv.push(csvLine(row.cells));
    const { job, outcome } = row;
    counts.points++;
    if (outcome !== null) counts[outcome.kind]++;
    briefs.push({
      job,
      files: outcome?.kind === "done" ? outcome.files : {},
      losses: lossesOf(outcome, spec.objectives),
    });
  }
  const frontier = frontierOf(briefs.map(({ losses }) => losses));
  const links = await placeFiles(briefs, frontier, options);
  const named = (figure: string): string =>
    spec.axes.some(({ name }) => name === figure) ? `result.${figure}` : figure;
  const page = renderSweep({
    title,
    columns,
    rows: briefs.map((_, row) => cells.map((column) => nth(column, row))),
    frontier,
    objectives: spec.objectives.map(({ figure, goal }) => ({ name: named(figure), goal })),
    binds: spec.record.includes("binds") ? "binds" : null,
    links,
  });
  await files.write(
    new Map<string, string | Uint8Array>([
      [tableFiles.jsonLines, texts.jsonLines.join("")],
      [tableFiles.csv, texts.csv.join("")],
      [tableFiles.parquet, await parquetFile(columns, cells)],
      [reportFile, page],
    ]),
  );
  return {
    rows: briefs.length,
    counts,
    frontier: frontier.map((row) =>
      Object.fromEntries(columns.map(({ name }, i) => [name, nth(nth(cells, i), row)] as const)),
    ),
    files: [...Object.values(tableFiles), reportFile].map((name) => path.join(folder, name)),
  };
}

/** Puts files of points where the page's links lead; a page of each point of the frontier is made where its plan is quick to make again. */
async function placeFiles(
  briefs: readonly Brief[],
  frontier: readonly number[],
  { source, folder, store, makesPages }: Pick<ResultsOptions, "source" | "folder" | "store" | "makesPages">,
): Promise<ReadonlyMap<number, string>> {
  const links = new Map<number, string>();
  const isQuick = actions[source.spec.action].model === "language";
  const workshop = new Workshop({
    store,
    local: source.resolver.local,
    cache: path.join(folder, folderFiles.cache),
  });
  const made = new Set(isQuick ? frontier.slice(0, mostMadePages) : []);
  for (const [row, { job, files }] of briefs.entries()) {
    if (job === null) continue;
    const place = (kept: Kept): string => path.join(pointsFolder, job.key.slice(0, shortKey), keptFiles[kept]);
    const all = { ...files };
    const isMade = all.report === undefined && made.has(row);
    if (isMade && (await isThere(path.join(folder, place("report"))))) links.set(row, linkTo(place("report")));
    else if (isMade && makesPages) {
      const outcome = await runJob({ ...job.job, keep: ["report"] }, workshop);
      if (outcome.kind === "done" && outcome.files.report !== undefined) all.report = outcome.files.report;
    }
    for (const [kept, digest] of Object.entries(all) as [Kept, string][]) {
      const file = path.join(folder, place(kept));
      mkdirSync(path.dirname(file), { recursive: true });
      if ((await isThere(file)) || (await store.getFile(digest, file)))
        if (kept === "report") links.set(row, linkTo(place(kept)));
    }
  }
  return links;
}

const linkTo = (place: string): string => place.split(path.sep).join("/");

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
