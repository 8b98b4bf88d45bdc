/** Starting workers in Node and in browsers, from the text of their body, and what the two have in common. */
import { nodeModule } from "../platform.ts";
import { closedBit, controlWords, failures, messageRoom, type WorkerMessage } from "./control.ts";
import { workerBody, type WorkerConstants } from "./worker-body.ts";

export interface WorkerHandle {
  send(message: WorkerMessage): void;
  /** ends it at once, whatever it does */
  terminate(): void;
}

/** Starts a worker; `onLost` is called once when it ends without having been told to. */
export type StartWorker = (onLost: (reason: string) => void) => WorkerHandle;

const constants: WorkerConstants = {
  words: controlWords,
  closedBit,
  messageRoom,
  trap: failures.trap,
  defect: failures.defect,
  spin: { active: 2, idle: 0.3 },
};

const bodyCall = (port: string): string => `(${workerBody.toString()})(${port}, ${JSON.stringify(constants)});`;

const nodePort = `{ receive: (handle) => require("node:worker_threads").parentPort.on("message", handle) }`;
const browserPort = `{ receive: (handle) => self.addEventListener("message", (event) => handle(event.data)) }`;

/** Says whether threads can share memory here: browsers want a page that is isolated from other origins. */
export function canShareMemory(): boolean {
  const { crossOriginIsolated } = globalThis as { readonly crossOriginIsolated?: boolean };
  return typeof SharedArrayBuffer === "function" && typeof Atomics === "object" && crossOriginIsolated !== false;
}

/** Whether this thread may sleep in `Atomics.wait`: a browser's main thread may not. */
export function canSleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** Threads that the machine runs at a time. */
export function availableThreads(): number {
  const os = nodeModule("node:os");
  const { navigator } = globalThis as { readonly navigator?: { readonly hardwareConcurrency?: number } };
  return os?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
}

/** Starts a worker of this host; throws where there is none. */
export const startWorker: StartWorker = (onLost) => {
  const threads = nodeModule("node:worker_threads");
  return threads === undefined ? startBrowserWorker(onLost) : startNodeWorker(threads, onLost);
};

/** The worker does not keep the process alive, and takes none of the flags that the program was started with. */
function startNodeWorker(
  { Worker: NodeWorker }: typeof import("node:worker_threads"),
  onLost: (reason: string) => void,
): WorkerHandle {
  const worker = new NodeWorker(bodyCall(nodePort), { eval: true, execArgv: [], name: "wsc kernels" });
  let reason: string | null = null;
  let isWanted = true;
  worker.on("error", (error) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  worker.on("exit", (code) => {
    if (isWanted) onLost(reason ?? `it ended with code ${code}`);
  });
  worker.unref();
  return {
    send: (message) => {
      worker.postMessage(message);
    },
    terminate: () => {
      isWanted = false;
      void worker.terminate();
    },
  };
}

function startBrowserWorker(onLost: (reason: string) => void): WorkerHandle {
  const url = URL.createObjectURL(new Blob([bodyCall(browserPort)], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "wsc kernels" });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    worker.terminate();
    onLost(event.message || "it could not be started");
  });
  return {
    send: (message) => {
      worker.postMessage(message);
    },
    terminate: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
