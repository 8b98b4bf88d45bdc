/** The compiler in a worker of a page: answers what runtime/browser/worker-compiler.ts asks. It is bundled as the text of a script. */
import { WscError } from "../ir/diagnostic.ts";
import {
  type Answer,
  buffersOf,
  packOpenProgram,
  packProgram,
  type Question,
  type Reply,
  type Request,
} from "../runtime/browser/messages.ts";
import type { OpenModel } from "../runtime/model-compiler.ts";
import type { UnknownName } from "../runtime/session-options.ts";
import { modelCompiler, openModel } from "./session-compiler.ts";

/** The worker's end of the line to the page. */
interface PagePort {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  postMessage(message: Reply, transfer: readonly ArrayBuffer[]): void;
}

const models = new Map<number, OpenModel>();

async function answer(question: Question): Promise<Answer> {
  switch (question.kind) {
    case "open":
      return open(question);
    case "compile":
      return { kind: "compiled", packed: packProgram(await modelAt(question.model).compile(question.known)) };
    case "compileOpen": {
      const { compileOpen } = modelAt(question.model);
      if (compileOpen === null) return { kind: "notOpen", reason: "this compiler has none" };
      const made = await compileOpen(question.shapes);
      if (made.kind === "closed") return { kind: "notOpen", reason: made.reason };
      return { kind: "compiledOpen", packed: packOpenProgram(made.compiled) };
    }
    case "fragment": {
      const { payload, known } = question;
      return { kind: "compiled", packed: packProgram(await modelCompiler.compileFragment(payload, known)) };
    }
    case "close":
      models.delete(question.model);
      return { kind: "closed" };
  }
}

function modelAt(number: number): OpenModel {
  const model = models.get(number);
  if (model === undefined) throw new Error(`internal: model ${number} is not open`);
  return model;
}

async function open({ model, name, bytes, settings }: Extract<Question, { kind: "open" }>): Promise<Answer> {
  const unknown: UnknownName[] = [];
  const { tuning, ...others } = settings;
  const opened = await openModel(
    { bytes, name, owned: true },
    {
      ...others,
      ...(tuning === null ? {} : { tuning }),
      onUnknownDims: (names) => {
        unknown.push(...names);
      },
    },
  );
  models.set(model, opened);
  return { kind: "opened", opened: { inputs: opened.inputs, outputs: opened.outputs, unknown } };
}

function failed(error: unknown): Answer {
  if (error instanceof WscError) return { kind: "refused", diagnostics: error.diagnostics };
  return { kind: "broken", message: error instanceof Error ? error.message : String(error) };
}

/** Answers what comes; several questions may be under way. */
export function serve(port: PagePort): void {
  port.addEventListener("message", ({ data }) => {
    const request = data as Request;
    const post = (found: Answer): void => {
      const transfer = "packed" in found ? buffersOf(found.packed) : [];
      port.postMessage({ ...found, id: request.id }, transfer);
    };
    // an answer that cannot be sent is an answer too: the page waits for one
    void answer(request)
      .then(post)
      .catch((error: unknown) => {
        post(failed(error));
      });
  });
}
