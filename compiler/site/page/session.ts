/** What the page is at: one value, which events of the worker and of people change. The worker is one for each compilation; to stop is to end it. */
import { WscError, type Diagnostic } from "../../../ir/diagnostic.ts";
import type { Placement } from "../../../ir/placement.ts";
import type { Stage } from "../../compile.ts";
import type { ReportData } from "../../report/data/report-data.ts";
import type {
  Download,
  Event,
  Found,
  Inspected,
  ModelChoice,
  PlaceSettings,
  Question,
  RunResult,
} from "../messages.ts";

export type Phase = "idle" | "working" | "done" | "failed";

export interface State {
  readonly phase: Phase;
  readonly stage: Stage | null;
  /** what the search does at the moment */
  readonly step: string | null;
  readonly inspected: Inspected | null;
  /** ever better placements */
  readonly found: readonly Found[];
  /** the search was ended by hand */
  readonly isStopped: boolean;
  readonly problems: readonly Diagnostic[];
  /** a defect, or no memory */
  readonly broken: string | null;
  readonly result: Result | null;
  /** what the worker is asked beside: its answer is awaited */
  readonly pending: Download | "run" | null;
  readonly ran: RunResult | null;
}

export interface Result {
  readonly report: ReportData;
  readonly weightBytes: number;
  readonly seconds: number;
}

export const idle: State = {
  phase: "idle",
  stage: null,
  step: null,
  inspected: null,
  found: [],
  isStopped: false,
  problems: [],
  broken: null,
  result: null,
  pending: null,
  ran: null,
};

/** The state after an event. */
export function after(state: State, event: Event): State {
  switch (event.kind) {
    case "stage":
      return { ...state, stage: event.stage, step: null };
    case "inspected":
      return { ...state, inspected: event.inspected };
    case "step":
      return { ...state, step: `${event.step}: ${event.detail}` };
    case "found":
      return { ...state, found: [...state.found, event.found] };
    case "compiled": {
      const { report, weightBytes, seconds } = event;
      return { ...state, phase: "done", step: null, result: { report, weightBytes, seconds } };
    }
    case "file":
      return { ...state, pending: null };
    case "ran":
      return { ...state, pending: null, ran: event.result };
    case "refused":
      return { ...failedState(state), problems: event.diagnostics };
    case "broken":
      return { ...failedState(state), broken: event.message };
  }
}

/** What was compiled stays when something that is asked of it fails. */
const failedState = (state: State): State =>
  state.result === null ? { ...state, phase: "failed", step: null } : { ...state, pending: null };

export interface Job {
  readonly model: ModelChoice;
  readonly settings: PlaceSettings;
}

/** The page's line to its worker. */
export class Session {
  readonly #show: (state: State) => void;
  #state = idle;
  #worker: Worker | null = null;
  #job: Job | null = null;

  constructor(show: (state: State) => void) {
    this.#show = show;
  }

  start(job: Job): void {
    this.#job = job;
    this.#begin(job, null, { ...idle, phase: "working" });
  }

  /** Ends the search; the best that was found is compiled. With nothing found the page is as before. */
  stop(): void {
    const best = this.#state.found.at(-1);
    if (this.#job === null || this.#state.phase !== "working") return;
    const { found, inspected } = this.#state;
    if (best === undefined) {
      this.#end();
      this.#set({ ...idle, isStopped: true });
    } else this.#begin(this.#job, best.placement, { ...idle, phase: "working", found, inspected, isStopped: true });
  }

  ask(what: Download | "run"): void {
    this.#set({ ...this.#state, pending: what, problems: [], broken: null });
    this.#post(what === "run" ? { kind: "run" } : { kind: "download", what });
  }

  /** Shows what is wrong with what people gave. */
  refuse(error: unknown): void {
    this.#end();
    if (error instanceof WscError) this.#set({ ...idle, phase: "failed", problems: error.diagnostics });
    else this.#set({ ...idle, phase: "failed", broken: error instanceof Error ? error.message : String(error) });
  }

  #begin({ model, settings }: Job, placement: Placement | null, state: State): void {
    this.#end();
    const worker = new Worker(new URL("worker.js", document.baseURI), { type: "module", name: "wsc" });
    worker.addEventListener("message", ({ data }) => {
      if (worker === this.#worker) this.#take(data as Event);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      if (worker === this.#worker)
        this.#take({ kind: "broken", message: event.message || "the compiler's worker cannot be started" });
    });
    this.#worker = worker;
    this.#set(state);
    this.#post({ kind: "compile", model, settings, placement });
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #post(question: Question): void {
    if (this.#worker === null) throw new Error("internal: there is no worker to ask");
    this.#worker.postMessage(question);
  }

  #take(event: Event): void {
    if (event.kind === "file") save(event.file.name, event.file.content);
    this.#set(after(this.#state, event));
  }

  #set(state: State): void {
    this.#state = state;
    this.#show(state);
  }
}

/** Offers a file. */
function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}
