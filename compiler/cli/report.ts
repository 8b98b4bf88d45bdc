/** `wsc report`: a compiled folder, or two, as a page, a map in SVG or text, or JSON. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import { JsonMismatch } from "../../ir/json-reader.ts";
import { simulationFile } from "../../ir/simulation-record.ts";
import { isFileError } from "../files/file-errors.ts";
import type { FileOptions } from "../files/output-files.ts";
import { readArtifact } from "../read-artifact.ts";
import { reportOfPlacement } from "../report/data/of-placement.ts";
import type { ReportData, ReportPage } from "../report/data/report-data.ts";
import { readSimulation, type ReportSimulation } from "../report/data/simulation.ts";
import { renderReport } from "../report/html.ts";
import { asciiMaps } from "../report/map/ascii.ts";
import { waferSvg } from "../report/map/wafer-svg.ts";
import { loadTarget } from "../targets/load.ts";
import { exitCodes } from "./failure.ts";
import { claimText, writeText } from "./text-output.ts";

export interface ReportArguments {
  readonly folder: string;
  readonly other: string | undefined;
  readonly output: string | undefined;
  readonly svg: string | undefined;
  readonly ascii: boolean;
  readonly columns: number;
  readonly simulation: string | undefined;
  readonly target: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

const [fewestColumns, mostColumns] = [10, 1000];

export async function reportVerb(given: ReportArguments): Promise<number> {
  const { folder, other, svg, ascii, columns, json } = given;
  if (!Number.isInteger(columns) || columns < fewestColumns || columns > mostColumns)
    throw fail("WSC8001", `--columns takes a whole number from ${fewestColumns} to ${mostColumns}, not ${columns}`);
  if (other !== undefined && (svg !== undefined || ascii))
    throw fail("WSC8001", "--svg and --ascii draw one folder, and two are given");
  const wantsPage = given.output !== undefined || (svg === undefined && !ascii && !json);
  const output = wantsPage ? (given.output ?? `${path.basename(path.resolve(folder))}.report.html`) : undefined;
  const options: FileOptions = { force: given.force };
  for (const file of [output, svg]) if (file !== undefined) await claimText(file, options);
  const first = await reportOf(folder, given);
  const page: ReportPage = other === undefined ? [first] : [first, await reportOf(other, given)];
  if (output !== undefined) await writeText(output, await renderReport(page), options);
  if (svg !== undefined) await writeText(svg, waferSvg(first), options);
  if (ascii) process.stdout.write(asciiMaps(first, columns));
  if (json) process.stdout.write(`${JSON.stringify(page, null, 2)}\n`);
  else if (!ascii) describe(page, [output, svg]);
  return exitCodes.done;
}

function describe(page: ReportPage, files: readonly (string | undefined)[]): void {
  const told = page.map(({ title, limit }) => `${title}: ${limit.sentence}`);
  const written = files.flatMap((file) => (file === undefined ? [] : [`written   ${file}`]));
  process.stdout.write(`${[...told, ...written].join("\n")}\n`);
}

async function reportOf(folder: string, given: ReportArguments): Promise<ReportData> {
  const { kernels, placement } = await readArtifact(folder);
  const target = await loadTarget(given.target ?? placement.target.name);
  return reportOfPlacement({ kernels, placement, target, simulation: await simulationOf(folder, given.simulation) });
}

/** The simulation that was named, or the one in the folder; null where there is none. */
async function simulationOf(folder: string, named: string | undefined): Promise<ReportSimulation | null> {
  const file = named ?? path.join(folder, simulationFile);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (!isFileError(error)) throw error;
    if (named === undefined && error.code === "ENOENT") return null;
    throw fail("WSC1001", `${showName(file)} cannot be read (${error.code ?? "unknown error"})`);
  });
  if (text === null) return null;
  try {
    return readSimulation(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof JsonMismatch || error instanceof SyntaxError)) throw error;
    throw fail("WSC8001", error.message, { subject: file, hint: "it is what wsc simulate --json prints" });
  }
}
