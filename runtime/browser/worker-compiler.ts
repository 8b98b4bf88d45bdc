/**
 * The compiler for pages: it runs in a worker, so that the page stays alive, and comes as a text that is fetched when a model is first compiled.
 * Programs that were compiled before are taken from the page's cache.
 */
import { fail, WscError } from "../../ir/diagnostic.ts";
import { digestOfBytes } from "../digest/digest.ts";
import type { ModelCompiler, OpenModel, OpenOptions } from "../model-compiler.ts";
import { readBytes } from "../platform.ts";
import {
  type Answer,
  type FedShapes,
  type OpenedModel,
  type OpenSettings,
  type PackedOpenProgram,
  type PackedProgram,
  type Question,
  type Reply,
  type Request,
  unpackProgram,
} from "./messages.ts";
import { noCache, openModelCache } from "./program-cache.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type GoodAnswer = Exclude<Answer, { readonly kind: "refused" | "broken" }>;

/** Questions to a worker, and who waits for their answers. One that has met an error answers nothing more: whoever asks it later is told so too. */
class CompilerWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #asked = 0;
  #ended: WscError | null = null;

  constructor(code: string, onEnd: () => void) {
    this.#worker = startWorker(code);
    this.#worker.addEventListener("message", ({ data }) => {
      const reply = data as Reply;
      this.#waiting.get(reply.id)?.resolve(reply);
      this.#waiting.delete(reply.id);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const ended = notStarted(event.message || "its worker has ended");
      this.#ended = ended;
      this.#worker.terminate();
      for (const { reject } of this.#waiting.values()) reject(ended);
      this.#waiting.clear();
      onEnd();
    });
  }

  /** The answer to a question; throws what is wrong with a model, and a defect as such. */
  async ask(question: Question, transfer: Transferable[] = []): Promise<GoodAnswer> {
    if (this.#ended !== null) throw this.#ended;
    const request: Request = { ...question, id: this.#asked++ };
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request, transfer);
    });
    if (answer.kind === "refused") throw new WscError(answer.diagnostics);
    if (answer.kind === "broken") throw new Error(answer.message);
    return answer;
  }
}

const notStarted = (reason: string): WscError =>
  fail("WSC7011", `the compiler cannot be started in this page: ${reason}`, {
    hint: "a content security policy must allow worker-src blob:; or compile the model beforehand and open its folder",
  });

function startWorker(code: string): Worker {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return new Worker(url, { name: "wsc compiler" });
  } catch (error) {
    throw notStarted(error instanceof Error ? error.message : String(error));
  }
}

let started: Promise<CompilerWorker> | null = null;

/** The page's one worker; one that could not be had, or has ended, is asked for again. */
function compilerWorker(): Promise<CompilerWorker> {
  started ??= loadWorker().catch((error: unknown) => {
    started = null;
    throw error;
  });
  return started;
}

async function loadWorker(): Promise<CompilerWorker> {
  const loaded = await import("./compiler-code.js").catch((error: unknown) => {
    throw notStarted(error instanceof Error ? error.message : String(error));
  });
  return new CompilerWorker(loaded.code, () => {
    started = null;
  });
}

/** A model in a worker, where it is open under a number. */
interface Place {
  readonly worker: CompilerWorker;
  readonly model: number;
}

/** Models that nobody can ask for any more are closed in their worker; one that has ended has nothing to close. */
const dropped = new FinalizationRegistry<Place>(({ worker, model }) => {
  worker.ask({ kind: "close", model }).catch(() => undefined);
});

async function compiledBy(
  worker: CompilerWorker,
  question: Extract<Question, { readonly kind: "compile" | "fragment" }>,
): Promise<PackedProgram> {
  const answer = await worker.ask(question);
  if (answer.kind !== "compiled") throw new Error(`internal: the compiler's worker has ${answer.kind}`);
  return answer.packed;
}

/** A model that the worker opens when it is first needed: not where all that is asked for has been kept. */
class RemoteModel {
  readonly #number: number;
  readonly #read: () => Promise<Bytes>;
  readonly #name: string;
  readonly #settings: OpenSettings;
  #opened: Promise<{ readonly worker: CompilerWorker; readonly opened: OpenedModel }> | null = null;

  constructor(number: number, read: () => Promise<Bytes>, name: string, settings: OpenSettings) {
    this.#number = number;
    this.#read = read;
    this.#name = name;
    this.#settings = settings;
  }

  async open(): Promise<OpenedModel> {
    return (await this.#inWorker()).opened;
  }

  async compile(known: Parameters<OpenModel["compile"]>[0]): Promise<PackedProgram> {
    const { worker } = await this.#inWorker();
    return compiledBy(worker, { kind: "compile", model: this.#number, known });
  }

  /** A program with open dims, or why there is none. */
  async compileOpen(shapes: FedShapes): Promise<PackedOpenProgram | string> {
    const { worker } = await this.#inWorker();
    const answer = await worker.ask({ kind: "compileOpen", model: this.#number, shapes });
    if (answer.kind === "notOpen") return answer.reason;
    if (answer.kind !== "compiledOpen") throw new Error(`internal: the compiler's worker has ${answer.kind}`);
    return answer.packed;
  }

  #inWorker(): Promise<{ readonly worker: CompilerWorker; readonly opened: OpenedModel }> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<{ readonly worker: CompilerWorker; readonly opened: OpenedModel }> {
    const [worker, bytes] = await Promise.all([compilerWorker(), this.#read()]);
    const [model, name, settings] = [this.#number, this.#name, this.#settings];
    const answer = await worker.ask({ kind: "open", model, name, bytes, settings }, [bytes.buffer]);
    if (answer.kind !== "opened") throw new Error(`internal: the compiler's worker has ${answer.kind}`);
    dropped.register(this, { worker, model });
    return { worker, opened: answer.opened };
  }
}

const settingsOf = ({
  dims = new Map(),
  externalData = new Map(),
  tuning,
  joinVectors = false,
  precision = "f32",
}: OpenOptions): OpenSettings => ({ dims, externalData, tuning: tuning ?? null, joinVectors, precision });

/** Reads a model again when it is needed: until then its bytes would lie in memory for nothing. */
function rereading(source: string | URL, digest: string): () => Promise<Bytes> {
  return async () => {
    const bytes = new Uint8Array(await readBytes(source));
    if (digestOfBytes(bytes) === digest) return bytes;
    throw fail("WSC1001", `${String(source)} is another file than it was when it was opened`);
  };
}

let models = 0;

export const workerCompiler: ModelCompiler = {
  async open(source, options): Promise<OpenModel> {
    const given = source instanceof Uint8Array;
    const bytes = given ? new Uint8Array(source) : new Uint8Array(await readBytes(source));
    const settings = settingsOf(options);
    const digest = digestOfBytes(bytes);
    const cache = options.cachePrograms === false ? noCache : await openModelCache(digest, settings);
    const kept = await cache.opened();
    const read = given || kept === null ? () => Promise.resolve(bytes) : rereading(source, digest);
    const remote = new RemoteModel(models++, read, given ? "model" : String(source), settings);
    const opened = kept ?? (await remote.open());
    if (kept === null) await cache.keepOpened(opened);
    if (opened.unknown.length > 0) options.onUnknownDims?.(opened.unknown);
    return {
      inputs: opened.inputs,
      outputs: opened.outputs,
      compile: async (known) => {
        const found = await cache.program(known);
        if (found !== null) return unpackProgram(found);
        const packed = await remote.compile(known);
        await cache.keepProgram(known, packed);
        return unpackProgram(packed);
      },
      compileOpen: async (shapes) => {
        const found = await cache.openProgram(shapes, opened);
        if (found !== null) return { kind: "open", compiled: unpackProgram(found) };
        const packed = await remote.compileOpen(shapes);
        if (typeof packed === "string") return { kind: "closed", reason: packed };
        await cache.keepOpenProgram(shapes, packed, opened);
        return { kind: "open", compiled: unpackProgram(packed) };
      },
    };
  },

  compileOpenFragment: null,

  async compileFragment(payload, known) {
    return unpackProgram(await compiledBy(await compilerWorker(), { kind: "fragment", payload, known }));
  },
};
