/** The page's worker: compiles one model, and gives what is asked of it afterwards. A page that stops a search ends its worker and starts another. */
import { WscError } from "../../../ir/diagnostic.ts";
import { artifactFiles } from "../../../runtime/artifact.ts";
import { printPlacementJson } from "../../../ir/placement-json.ts";
import type { CompiledModel } from "../../compile.ts";
import { reportOfPlacement } from "../../report/data/of-placement.ts";
import type { ReportData } from "../../report/data/report-data.ts";
import { renderReport } from "../../report/html.ts";
import { waferSvg } from "../../report/map/wafer-svg.ts";
import type { Download, DownloadFile, Event, Question } from "../messages.ts";
import { archiveOf } from "./archive.ts";
import { compileChoice } from "./compile-model.ts";
import { runModel } from "./run-model.ts";

/** The worker's end of the line to the page. */
interface PagePort {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  postMessage(event: Event): void;
}

const port = globalThis as unknown as PagePort;
const tell = (event: Event): void => {
  port.postMessage(event);
};

let made: { readonly model: CompiledModel; readonly report: ReportData } | null = null;

function compiled(): NonNullable<typeof made> {
  if (made === null) throw new Error("internal: the page asks for what is not compiled");
  return made;
}

async function answer(question: Question): Promise<Event> {
  switch (question.kind) {
    case "compile": {
      const start = performance.now();
      const model = await compileChoice(question.model, question.settings, question.placement, tell);
      const report = reportOfPlacement({ ...model, simulation: null });
      made = { model, report };
      const { weightsBytes } = model.compiled.program.memory;
      return { kind: "compiled", report, weightBytes: weightsBytes, seconds: (performance.now() - start) / 1000 };
    }
    case "download":
      return { kind: "file", file: await makers[question.what](compiled().model, compiled().report) };
    case "run":
      return { kind: "ran", result: await runModel(compiled().model) };
  }
}

const makers: Readonly<Record<Download, (model: CompiledModel, report: ReportData) => Promise<DownloadFile>>> = {
  archive: async (model) => {
    const folder = `${plainName(model)}.wsc`;
    return fileOf(`${folder}.zip`, "application/zip", await archiveOf(model, folder));
  },
  placement: ({ placement }) =>
    Promise.resolve(fileOf(artifactFiles.placement, "application/json", printPlacementJson(placement))),
  report: async (_, report) => fileOf(artifactFiles.report, "text/html", await renderReport([report])),
  svg: (model, report) => Promise.resolve(fileOf(`${plainName(model)}.svg`, "image/svg+xml", waferSvg(report))),
};

const fileOf = (name: string, type: string, content: BlobPart): DownloadFile => ({
  name,
  type,
  content: new Blob([content], { type }),
});

/** A model's name as part of a file's. */
const plainName = ({ graph }: CompiledModel): string =>
  graph.name
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(0, 80) || "model";

function failed(error: unknown): Event {
  if (error instanceof WscError) return { kind: "refused", diagnostics: error.diagnostics };
  return { kind: "broken", message: error instanceof Error ? error.message : String(error) };
}

port.addEventListener("message", ({ data }) => {
  void answer(data as Question)
    .catch(failed)
    .then(tell);
});
