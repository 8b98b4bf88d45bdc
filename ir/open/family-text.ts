/**
 * Text form of a family of open programs: `program.json` of a folder for all shapes, canonical JSON with sizes as text (`2*batch*seq+1`). Parsing checks what can be said
 * before sizes are known: everything that is named exists, sizes are over known symbols. What depends on sizes is checked when a program is closed (close.ts).
 */
import type { Guard } from "../assumptions.ts";
import { type Dim, isOpenDim, parseDim, symbolName, symbolsOf } from "../dim.ts";
import { fail } from "../diagnostic.ts";
import { storageBytes } from "../dtype.ts";
import {
  JsonMismatch,
  layoutJson,
  mismatch,
  type Reader,
  readArray,
  readBoolean,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readString,
  readTagged,
} from "../json-reader.ts";
import { bufferAlignment } from "../memory-plan.ts";
import { readAnyType, readDType, readModules, readSize, readStrings } from "../program-text.ts";
import {
  type FamilyDim,
  type FamilyMember,
  type FamilyPort,
  familyVersion,
  mostOfAnyDim,
  type OpenFamily,
} from "./family.ts";
import type { OpenAddress, OpenBuffer, OpenCache, OpenPlace, OpenPort, OpenStep, OpenSymbol } from "./program.ts";

/** The text of a family; equal families have equal texts. Throws an internal error when the family is not valid. */
export function printFamily(family: OpenFamily): string {
  try {
    return layoutJson(plain(readFamily(plain(family))));
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Error(`internal: invalid family: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The family of a text; throws WSC7004 when it is damaged. `source` names the file in messages. */
export function parseFamily(text: string, source = "program.json"): OpenFamily {
  try {
    return readFamily(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof JsonMismatch || error instanceof SyntaxError)) throw error;
    throw fail("WSC7004", `${source}: ${error.message}`, { hint: "compile the model again with this version of wsc" });
  }
}

/** Whether the text of a `program.json` is that of a family; what is neither is for the parser of programs to refuse. */
export function isFamilyText(text: string): boolean {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === "object" && document !== null && "kind" in document && document.kind === "open";
  } catch {
    return false;
  }
}

/** The same as JSON: sizes as their texts, ranges as a list. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return [...(value as FamilyRanges)].map(([name, range]) => ({ name, ...range }));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("terms" in value && "text" in value) return value.text;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

type FamilyRanges = FamilyMember["conditions"]["ranges"];

// ---- the shape of the document ----------------------------------------------------------------------------------------------------

const readNumber = readInteger(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

const readDim: Reader<Dim> = (value, path) => {
  if (typeof value !== "string") return readNumber(value, path);
  const dim = readSizeText(value);
  if (dim === null) throw mismatch(value, path, "a size");
  return dim;
};

/** A text whose numbers are too large has no size. */
function readSizeText(text: string): Dim | null {
  try {
    return parseDim(text);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const readIndex = readInteger(0, 2 ** 31 - 1);
const readDimSize = readInteger(0, mostOfAnyDim);

const readFamilyDim: Reader<FamilyDim> = (value, path) => {
  const dim = readObject<FamilyDim>({ name: readString, least: readDimSize, most: readDimSize })(value, path);
  if (dim.least > dim.most) throw new JsonMismatch(path, `has no sizes: it is from ${dim.least} to ${dim.most}`);
  return dim;
};

const readDimList: Reader<FamilyDim[]> = (value, path) => {
  const dims = readArray(readFamilyDim)(value, path);
  if (new Set(dims.map(({ name }) => name)).size < dims.length) throw new JsonMismatch(path, "name one dim twice");
  return dims;
};

const readRanges: Reader<FamilyRanges> = (value, path) =>
  new Map(readDimList(value, path).map(({ name, least, most }) => [name, { least, most }]));

const readGuard = readObject<Guard>({
  left: readDim,
  relation: readOneOf("==", "<", "<="),
  right: readDim,
  holds: readBoolean,
});

const readPlace = readTagged<OpenPlace>("kind", {
  weights: readObject({ kind: readOneOf("weights"), segment: readIndex }),
  buffer: readObject({ kind: readOneOf("buffer"), buffer: readIndex }),
  cache: readObject({ kind: readOneOf("cache"), cache: readIndex }),
});

const readAddress = readObject<OpenAddress>({ place: readPlace, at: readDim });

const readPort = readObject<OpenPort>({
  name: readString,
  dtype: readDType,
  dims: readArray(readDim),
  place: readPlace,
});

const readStep = readObject<OpenStep>({
  function: readString,
  args: readArray(readAddress),
  sizes: readArray(readDim),
  units: readDim,
  when: readOptional(readGuard),
  work: readDim,
  indices: readOptional(
    readObject<NonNullable<OpenStep["indices"]>>({
      arg: readIndex,
      dtype: readOneOf("i32", "i64"),
      count: readDim,
      axes: readArray(readIndex),
      sizes: readArray(readDim),
    }),
  ),
  origin: readStrings,
});

const readCapacity: Reader<string | null> = (value, path) => (value === null ? null : readString(value, path));

const readMember = readObject<FamilyMember>({
  conditions: readObject({ ranges: readRanges, guards: readArray(readGuard) }),
  symbols: readArray(readObject<OpenSymbol>({ name: readString, input: readIndex, axis: readInteger(0, 63) })),
  inputs: readArray(readPort),
  outputs: readArray(readPort),
  buffers: readArray(readObject<OpenBuffer>({ bytes: readDim, first: readIndex, last: readIndex })),
  caches: readArray(
    readObject<OpenCache>({
      input: readIndex,
      output: readIndex,
      outer: readDim,
      past: readDim,
      present: readDim,
      innerBytes: readInteger(1, mostOfAnyDim),
    }),
  ),
  capacity: readCapacity,
  steps: readArray(readStep),
});

const readFamilyPort = readObject<FamilyPort>({ name: readString, type: readAnyType });

const readShape = readObject<OpenFamily>({
  kind: readOneOf("open"),
  version: readInteger(familyVersion, familyVersion) as Reader<typeof familyVersion>,
  name: readString,
  inputs: readArray(readFamilyPort),
  outputs: readArray(readFamilyPort),
  dims: readDimList,
  weights: readObject({ bytes: readSize, offsets: readArray(readSize) }),
  modules: readModules,
  programs: readArray(readMember),
});

function readFamily(document: unknown): OpenFamily {
  const family = readShape(document, "");
  checkWeights(family);
  for (const [index, member] of family.programs.entries()) checkMember(family, member, `programs[${index}]`);
  return family;
}

// ---- what must hold between its parts ---------------------------------------------------------------------------------------------

function checkWeights({ weights: { bytes, offsets } }: OpenFamily): void {
  const wrong = offsets.findIndex((offset) => offset > bytes || offset % bufferAlignment !== 0);
  if (wrong >= 0) throw new JsonMismatch(`weights.offsets[${wrong}]`, `is no place in ${bytes} bytes of weights`);
}

function checkMember(family: OpenFamily, member: FamilyMember, path: string): void {
  const { symbols, conditions, inputs, outputs, buffers, caches, capacity, steps } = member;
  checkPorts(family.inputs, inputs, `${path}.inputs`);
  checkPorts(family.outputs, outputs, `${path}.outputs`);
  checkSymbols(member, path);
  const known = new Set([...symbols.map(({ name }) => name), ...(capacity === null ? [] : [capacity])]);
  const sizes = (at: string, dims: readonly Dim[]): void => {
    for (const dim of dims) {
      const unknown = symbolsOf(dim).find((name) => !known.has(name));
      if (unknown !== undefined) throw new JsonMismatch(at, `is of the dim ${JSON.stringify(unknown)}, which is none`);
    }
  };
  const counts = { weights: family.weights.offsets.length, buffer: buffers.length, cache: caches.length };
  const place = (at: string, given: OpenPlace): void => {
    const index = given.kind === "weights" ? given.segment : given.kind === "buffer" ? given.buffer : given.cache;
    if (index >= counts[given.kind]) throw new JsonMismatch(at, `is ${given.kind} ${index} of ${counts[given.kind]}`);
  };
  for (const [kind, ports] of Object.entries({ inputs, outputs })) {
    for (const [index, port] of ports.entries()) {
      const at = `${path}.${kind}[${index}]`;
      sizes(at, port.dims);
      place(at, port.place);
      if (port.dtype === "string") throw new JsonMismatch(at, "holds strings in memory");
      const isWritten = kind === "inputs" && port.place.kind === "weights";
      if (isWritten) throw new JsonMismatch(at, "lies among the weights, which nobody may write");
    }
  }
  for (const [index, { left, right }] of conditions.guards.entries())
    sizes(`${path}.conditions.guards[${index}]`, [left, right]);
  for (const [index, { bytes, first, last }] of buffers.entries()) {
    sizes(`${path}.buffers[${index}]`, [bytes]);
    if (first > last) throw new JsonMismatch(`${path}.buffers[${index}]`, "ends before it begins");
  }
  checkCaches(member, sizes, path);
  for (const [index, step] of steps.entries()) {
    const at = `${path}.steps[${index}]`;
    for (const address of step.args) {
      place(at, address.place);
      sizes(at, [address.at]);
    }
    const { when, indices } = step;
    sizes(at, [...step.sizes, step.units, step.work, ...(when === undefined ? [] : [when.left, when.right])]);
    if (indices === undefined) continue;
    sizes(at, [indices.count, ...indices.sizes]);
    if (indices.arg >= step.args.length) throw new JsonMismatch(at, "reads indices from what is no argument");
  }
}

/** Programs have the ports of the family, as they lie in memory. */
function checkPorts(declared: readonly FamilyPort[], ports: readonly OpenPort[], path: string): void {
  if (declared.length !== ports.length) throw new JsonMismatch(path, `are ${ports.length} of ${declared.length}`);
  for (const [index, { name, type }] of declared.entries()) {
    const port = ports[index];
    const isTensor = type.kind === "tensor" || type.kind === "dynamic";
    if (!isTensor || port?.name !== name || port.dtype !== type.dtype)
      throw new JsonMismatch(`${path}[${index}]`, `is not ${JSON.stringify(name)} as the folder has it`);
  }
}

/** Each symbol is read off a dim that is the symbol itself, and has a range. */
function checkSymbols({ symbols, conditions, inputs }: FamilyMember, path: string): void {
  for (const [index, { name, input, axis }] of symbols.entries()) {
    const dim = inputs[input]?.dims[axis];
    if (dim === undefined || !isOpenDim(dim) || symbolName(dim) !== name)
      throw new JsonMismatch(`${path}.symbols[${index}]`, "is not read off a dim of that name");
  }
  const names = symbols.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new JsonMismatch(`${path}.symbols`, "name one dim twice");
  if (names.length !== conditions.ranges.size || names.some((name) => !conditions.ranges.has(name)))
    throw new JsonMismatch(`${path}.conditions.ranges`, "are not those of the symbols");
}

/** Caches and the ports that lie in them name each other, and their positions are whole elements. */
function checkCaches(
  { caches, capacity, inputs, outputs, symbols }: FamilyMember,
  sizes: (at: string, dims: readonly Dim[]) => void,
  path: string,
): void {
  if ((capacity === null) !== (caches.length === 0) || symbols.some(({ name }) => name === capacity))
    throw new JsonMismatch(`${path}.capacity`, "is a name of its own where there are caches, and else null");
  for (const [index, { input, output, outer, past, present, innerBytes }] of caches.entries()) {
    const at = `${path}.caches[${index}]`;
    sizes(at, [outer, past, present]);
    for (const port of [inputs[input], outputs[output]]) {
      const lies = port?.place.kind === "cache" && port.place.cache === index;
      if (port === undefined || !lies || innerBytes % storageBytes(port.dtype) !== 0)
        throw new JsonMismatch(at, "is not where its input and output lie");
    }
  }
  const inCaches = [...inputs, ...outputs].filter(({ place }) => place.kind === "cache").length;
  if (inCaches !== 2 * caches.length) throw new JsonMismatch(path, "has a cache that other ports lie in too");
}
