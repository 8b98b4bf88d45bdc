/** onnxruntime's packages as peers to compare with: what a project has installed, or wsc's own development has. */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../../ir/diagnostic.ts";
import type { SessionValue } from "../../runtime/ports.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { type PeerName, peerNames } from "./peer-names.ts";

/** What is used of onnxruntime's API. */
interface PeerTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

interface PeerSession {
  readonly run: (feeds: Readonly<Record<string, PeerTensor>>) => Promise<Readonly<Record<string, PeerTensor>>>;
  readonly release?: () => Promise<void>;
}

interface PeerApi {
  readonly InferenceSession: {
    readonly create: (model: Uint8Array, options: object) => Promise<PeerSession>;
  };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => PeerTensor;
  readonly env: { readonly wasm?: { numThreads?: number }; logLevel?: string };
}

/** A model that a peer has loaded. */
export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  /** results as tensors of wsc; what is no tensor is left out */
  readonly run: () => Promise<ReadonlyMap<string, Tensor>>;
  /** runs without taking the results over: for timing */
  readonly runOnly: () => Promise<void>;
  readonly release: () => Promise<void>;
}

export interface PeerOptions {
  readonly threads: number;
}

/** The first of the peers that is installed; null where none is. */
export const installedPeer = (): PeerName | null => peerNames.find((name) => locate(name) !== null) ?? null;

/** Loads a model into a peer and keeps what it is fed. Throws WSC8001 where the peer is not installed, WSC3001 where it refuses the model. */
export async function openPeer(
  name: PeerName,
  model: Uint8Array,
  feeds: Readonly<Record<string, SessionValue>>,
  { threads }: PeerOptions,
): Promise<Peer> {
  const found = locate(name);
  if (found === null) {
    throw fail("WSC8001", `${name} is not installed here`, { hint: `npm install ${name}` });
  }
  const loaded = (await import(pathToFileURL(found.file).href)) as { readonly default?: unknown };
  const api = (loaded.default ?? loaded) as PeerApi;
  if (api.env.wasm !== undefined) api.env.wasm.numThreads = threads;
  const session = await api.InferenceSession.create(model, {
    executionProviders: [name === "onnxruntime-web" ? "wasm" : "cpu"],
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  }).catch((error: unknown) => {
    throw fail("WSC3001", `${name} refuses the model: ${error instanceof Error ? error.message : String(error)}`);
  });
  const fed = Object.fromEntries(
    Object.entries(feeds).map(([input, value]) => [input, new api.Tensor(...partsOf(name, input, value))]),
  );
  return {
    name,
    version: found.version,
    run: async () => {
      const results = Object.entries(await session.run(fed));
      return new Map(results.flatMap(([output, value]) => (isTensor(value) ? [[output, taken(value)]] : [])));
    },
    runOnly: async () => {
      await session.run(fed);
    },
    release: async () => {
      await session.release?.();
    },
  };
}

function partsOf(
  peer: string,
  input: string,
  value: SessionValue,
): [type: string, data: unknown, dims: readonly number[]] {
  if (value instanceof Tensor) return [value.type, value.data, value.dims];
  throw fail("WSC7002", `${peer} takes tensors only`, { subject: `input "${input}"` });
}

const isTensor = (value: unknown): value is PeerTensor =>
  typeof value === "object" && value !== null && "type" in value && "data" in value && "dims" in value;

const taken = ({ type, data, dims }: PeerTensor): Tensor =>
  new Tensor(type as "float32", data as Float32Array, [...dims]);

interface Located {
  readonly file: string;
  readonly version: string;
}

/** From the folder of the call, else from wsc's own. */
function locate(name: PeerName): Located | null {
  for (const from of [path.join(process.cwd(), "project.js"), import.meta.filename]) {
    const require = createRequire(from);
    try {
      const file = require.resolve(name);
      const root = file.slice(
        0,
        file.lastIndexOf(path.join("node_modules", name)) + path.join("node_modules", name).length,
      );
      const { version } = require(path.join(root, "package.json")) as { readonly version: string };
      return { file, version };
    } catch {
      continue;
    }
  }
  return null;
}
