/**
 * Programs that a page has compiled, in the browser's Cache Storage: by the contents of the model, what it was opened with, and the compiler. Where
 * a browser has none (pages without TLS), refuses or is full, programs are compiled each time.
 */
import type { ValueType } from "../../ir/graph.ts";
import { bindShapes } from "../../ir/open/close.ts";
import { familyVersion, type OpenFamily, programsOf } from "../../ir/open/family.ts";
import { parseFamily, printFamily } from "../../ir/open/family-text.ts";
import type { OpenProgram } from "../../ir/open/program.ts";
import { printProgram, parseProgram } from "../../ir/program-text.ts";
import type { WeightSegment } from "../../ir/program.ts";
import { digestOfBytes } from "../digest/digest.ts";
import { keyOf } from "../known-inputs.ts";
import { build } from "./compiler-build.js";
import type {
  FedShapes,
  KnownInputs,
  OpenedModel,
  OpenSettings,
  PackedOpenProgram,
  PackedProgram,
} from "./messages.ts";

const cacheName = "wsc programs";
/** The oldest ones go beyond that: a page that is fed ever new shapes shall not fill a disk. */
const maxEntries = 64;

/** What is kept of one model. Nothing here fails: what cannot be had is null, what cannot be kept is not. */
export interface ModelCache {
  readonly opened: () => Promise<OpenedModel | null>;
  readonly keepOpened: (opened: OpenedModel) => Promise<void>;
  readonly program: (known: KnownInputs) => Promise<PackedProgram | null>;
  readonly keepProgram: (known: KnownInputs, packed: PackedProgram) => Promise<void>;
  /** a program with open dims that admits these shapes */
  readonly openProgram: (shapes: FedShapes, ports: ModelPorts) => Promise<PackedOpenProgram | null>;
  readonly keepOpenProgram: (shapes: FedShapes, packed: PackedOpenProgram, ports: ModelPorts) => Promise<void>;
}

type ModelPorts = Pick<OpenedModel, "inputs" | "outputs">;

/** Keeps nothing. */
export const noCache: ModelCache = {
  opened: () => Promise.resolve(null),
  keepOpened: () => Promise.resolve(),
  program: () => Promise.resolve(null),
  keepProgram: () => Promise.resolve(),
  openProgram: () => Promise.resolve(null),
  keepOpenProgram: () => Promise.resolve(),
};

/** What is kept of a model; `digest` is that of its bytes. */
export async function openModelCache(digest: string, settings: OpenSettings): Promise<ModelCache> {
  const cache = await quietly(() => caches.open(cacheName));
  if (cache === null) return noCache;
  const own = new URL(`/.wsc/${plain(build)}/`, globalThis.location.href).href;
  const folder = `${own}${plain(digest)}/${plain(digestOfText(textOf(settings)))}/`;
  const program = (known: KnownInputs): string => `${folder}${plain(digestOfText(keyOf(known)))}`;
  const openProgram = (shapes: FedShapes, { inputs }: ModelPorts): string =>
    `${folder}open-${plain(digestOfText(JSON.stringify(inputs.map(({ name, type }) => classesOf(type, shapes.get(name))))))}`;
  const find = async <T>(url: string, read: (bytes: Uint8Array<ArrayBuffer>) => T): Promise<T | null> =>
    quietly(async () => {
      const found = await cache.match(url);
      return found === undefined ? null : read(new Uint8Array(await found.arrayBuffer()));
    });
  const keep = async (url: string, body: BlobPart[]): Promise<void> => {
    await quietly(async () => {
      await cache.put(url, new Response(new Blob(body)));
      await forgetOthers(cache, own);
    });
  };
  return {
    opened: () => find(`${folder}ports`, (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as OpenedModel),
    keepOpened: (opened) => keep(`${folder}ports`, [JSON.stringify(opened)]),
    program: (known) => find(program(known), readPacked),
    keepProgram: (known, packed) => keep(program(known), packedParts(packed, printProgram(packed.program))),
    openProgram: async (shapes, ports) => {
      const found = await find(openProgram(shapes, ports), readPackedOpen);
      const fed = ports.inputs.map(({ name }) => shapes.get(name) ?? []);
      return found !== null && bindShapes(found.program, fed) !== null ? found : null;
    },
    keepOpenProgram: async (shapes, packed, ports) => {
      const parts = await quietly(() => Promise.resolve(packedParts(packed, printOpen(packed.program, ports))));
      if (parts !== null) await keep(openProgram(shapes, ports), parts);
    },
  };
}

async function quietly<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch {
    return null;
  }
}

/** What other compilers have made, and the oldest entries where there are too many. */
async function forgetOthers(cache: Cache, own: string): Promise<void> {
  const entries = await cache.keys();
  const others = entries.filter(({ url }) => !url.startsWith(own));
  const ours = entries.filter(({ url }) => url.startsWith(own));
  const old = ours.slice(0, Math.max(0, ours.length - maxEntries));
  await Promise.all([...others, ...old].map((entry) => cache.delete(entry)));
}

const digestOfText = (text: string): string => digestOfBytes(new TextEncoder().encode(text));

/** A digest as it may stand in a path. */
const plain = (digest: string): string => digest.replace(":", "-");

const textOf = ({ dims, externalData, ...others }: OpenSettings): string =>
  JSON.stringify({
    ...others,
    dims: [...dims],
    externalData: [...externalData].map(([name, bytes]) => [name, digestOfBytes(bytes)]),
  });

// ---- a program as one file ---------------------------------------------------------------------------------------------------------

/** What stands before the binaries and the weights, behind its own length (u32, little endian). */
interface Header {
  readonly program: string;
  readonly modules: readonly (readonly [file: string, byteLength: number])[];
  readonly segments: readonly Omit<WeightSegment, "write">[];
}

function packedParts({ modules, segments, weights }: Omit<PackedProgram, "program">, program: string): BlobPart[] {
  const header: Header = {
    program,
    modules: modules.map(([file, binary]) => [file, binary.byteLength]),
    segments,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.byteLength, true);
  return [length, text, ...modules.map(([, binary]) => binary), weights];
}

function readParts(bytes: Uint8Array<ArrayBuffer>): Omit<PackedProgram, "program"> & { readonly text: string } {
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Header;
  let at = 4 + length;
  const modules = header.modules.map(([file, byteLength]) => {
    const binary = bytes.subarray(at, at + byteLength);
    at += byteLength;
    return [file, binary] as const;
  });
  return { modules, segments: header.segments, weights: bytes.subarray(at), text: header.program };
}

/** Throws where the bytes are no program: then it is compiled. */
function readPacked(bytes: Uint8Array<ArrayBuffer>): PackedProgram {
  const { text, ...parts } = readParts(bytes);
  const program = parseProgram(text);
  const { weightsOffset, weightsBytes } = program.memory;
  if (parts.weights.byteLength !== weightsOffset + weightsBytes) throw new Error("cut");
  return { program, ...parts };
}

function readPackedOpen(bytes: Uint8Array<ArrayBuffer>): PackedOpenProgram {
  const { text, ...parts } = readParts(bytes);
  const [program] = programsOf(parseFamily(text));
  if (program === undefined || parts.weights.byteLength !== program.weights.bytes) throw new Error("cut");
  return { program, ...parts };
}

/** A program with open dims as a family of one. */
function printOpen({ name, weights, modules, ...member }: OpenProgram, ports: ModelPorts): string {
  const dims = [...member.conditions.ranges].map(([dim, range]) => ({ name: dim, ...range }));
  const family: OpenFamily = {
    kind: "open",
    version: familyVersion,
    name,
    inputs: ports.inputs,
    outputs: ports.outputs,
    dims,
    weights,
    modules,
    programs: [member],
  };
  return printFamily(family);
}

/** Sizes of 0 and 1 are numbers in a program with open dims; of others it may admit any. */
const classesOf = (type: ValueType, shape: readonly number[] = []): readonly number[] =>
  shape.map((size, axis) =>
    type.kind === "dynamic" && typeof type.dims?.[axis] !== "number" ? Math.min(size, 2) : size,
  );
