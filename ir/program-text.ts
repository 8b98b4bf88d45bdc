/**
 * Text form of a program: `program.json`, canonical JSON (fixed key order, one step per line where it fits). Parsing checks everything that the
 * runtime relies on: slots exist, addresses lie inside the memory, ports fit their values. A damaged file is a diagnostic, not a crash.
 */
import { fail } from "./diagnostic.ts";
import { type DType, dtypeTable, storageBytes } from "./dtype.ts";
import type { ValueType } from "./graph.ts";
import {
  JsonMismatch,
  layoutJson,
  type Reader,
  readArray,
  readBoolean,
  readInteger,
  readJson,
  readObject,
  readOneOf,
  readOptional,
  readRecord,
  readString,
  readTagged,
} from "./json-reader.ts";
import {
  type Block,
  type CopyStep,
  type DeferredStep,
  type HostStep,
  type IndexRead,
  type IfStep,
  type KernelStep,
  type LoopStep,
  moduleFeatures,
  type Program,
  type ProgramModule,
  type ProgramPort,
  type ProgramValue,
  programVersion,
  type ScanStep,
  type Step,
} from "./program.ts";

/** Bytes that one 32-bit WebAssembly memory can have. */
export const maxMemoryBytes: number = 2 ** 32;
const maxRank = 64;
const maxTypeDepth = 32;
const maxBlockDepth = 64;

/** The text of a program; equal programs have equal texts. Throws an internal error when the program is not valid. */
export function printProgram(program: Program): string {
  try {
    return layoutJson(readProgram(program));
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Error(`internal: invalid program: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The program of a text; throws WSC7004 when it is damaged. `source` names the file in messages. */
export function parseProgram(text: string, source = "program.json"): Program {
  try {
    return readProgram(JSON.parse(text));
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) {
      throw fail("WSC7004", `${source}: ${error.message}`, {
        hint: "compile the model again with this version of wsc",
      });
    }
    throw error;
  }
}

function readProgram(document: unknown): Program {
  const version = readRecord(document, "").get("version");
  if (version !== programVersion) {
    throw new JsonMismatch(
      "version",
      `is ${version === undefined ? "missing" : JSON.stringify(version)}, but this runtime reads ${programVersion}`,
    );
  }
  const program = readShape(document, "");
  checkMemory(program);
  checkSlots(program);
  return program;
}

// ---- the shape of the document ----------------------------------------------------------------------------------------------------

export const readDType: Reader<DType> = readOneOf<DType>(...dtypeTable.map((info) => info.dtype));
export const readSize: Reader<number> = readInteger(0, maxMemoryBytes);
const readSlot = readInteger(0, 2 ** 31 - 1);
const readSlots = readArray(readSlot);
export const readStrings: Reader<string[]> = readArray(readString);
const readDim = readInteger(0, Number.MAX_SAFE_INTEGER);

const readDims: Reader<number[]> = (value, path) => {
  const dims = readArray(readDim)(value, path);
  if (dims.length > maxRank) throw new JsonMismatch(path, `has ${dims.length} dims`);
  return dims;
};
const readSymbolicDims: Reader<(number | string)[] | null> = (value, path) =>
  value === null
    ? null
    : readArray<number | string>((dim, at) => (typeof dim === "string" ? dim : readDim(dim, at)))(value, path);

function readType(value: unknown, path: string, depth = 0): ValueType {
  if (depth > maxTypeDepth) throw new JsonMismatch(path, "is nested too deep");
  const element: Reader<ValueType> = (inner, at) => readType(inner, at, depth + 1);
  return readTagged<ValueType>("kind", {
    tensor: readObject({ kind: readOneOf("tensor"), dtype: readDType, shape: readDims }),
    dynamic: readObject({ kind: readOneOf("dynamic"), dtype: readDType, dims: readSymbolicDims }),
    sequence: readObject({ kind: readOneOf("sequence"), element }),
    optional: readObject({ kind: readOneOf("optional"), element }),
    map: readObject({ kind: readOneOf("map"), key: readDType, value: readDType }),
  })(value, path);
}
export const readAnyType: Reader<ValueType> = (value, path) => readType(value, path);

const readValue = readTagged<ProgramValue>("kind", {
  memory: readObject({
    kind: readOneOf("memory"),
    offset: readSize,
    dtype: readDType,
    shape: readDims,
    region: readOneOf("weights", "arena"),
  }),
  part: readObject({
    kind: readOneOf("part"),
    offset: readSize,
    dtype: readDType,
    shape: readDims,
    pieceBytes: readSize,
    stride: readSize,
  }),
  host: readObject({ kind: readOneOf("host"), type: readAnyType }),
});

const readPort = readObject<ProgramPort>({ name: readString, type: readAnyType, slot: readSlot });

const readAttributes: Reader<HostStep["attributes"]> = (value, path) => {
  readRecord(value, path);
  return readJson(value, path) as HostStep["attributes"];
};

const moved = { from: readSlot, to: readSlot };
const alongAxis = { ...moved, axis: readInteger(0, maxRank), reverse: readBoolean };
const emptyStack = { emptyShape: readOptional(readDims) };

const blockReader =
  (depth: number): Reader<Block> =>
  (value, path) => {
    if (depth > maxBlockDepth) throw new JsonMismatch(path, "is nested too deep");
    return readObject<Block>({ steps: readArray(stepReader(depth)) })(value, path);
  };

const readIndices = readObject<IndexRead>({
  arg: readInteger(0, 2 ** 16),
  dtype: readOneOf("i32", "i64"),
  count: readSize,
  axes: readArray(readInteger(0, 2 ** 16)),
  sizes: readArray(readSize),
});

const readKernelStep = readObject<KernelStep>({
  kind: readOneOf("kernel"),
  function: readString,
  args: readArray(readInteger(0, maxMemoryBytes - 1)),
  units: readInteger(0, 2 ** 31 - 1),
  private: readArray(readObject({ arg: readInteger(0, 2 ** 16), bytes: readSize })),
  work: readInteger(0, Number.MAX_SAFE_INTEGER),
  bytes: readOptional(readInteger(0, Number.MAX_SAFE_INTEGER)),
  kernel: readInteger(-1, 2 ** 31 - 1),
  indices: readOptional(readIndices),
  origin: readStrings,
});
const readHostStep = readObject<HostStep>({
  kind: readOneOf("host"),
  fn: readString,
  attributes: readAttributes,
  inputs: readSlots,
  outputs: readSlots,
  reason: readString,
  origin: readStrings,
});
const readCopyStep = readObject<CopyStep>({
  kind: readOneOf("copy"),
  from: readSlot,
  to: readSlot,
  origin: readStrings,
});
const readDeferredStep = readObject<DeferredStep>({
  kind: readOneOf("deferred"),
  payload: readSlot,
  inputNames: readStrings,
  inputs: readSlots,
  outputNames: readStrings,
  outputs: readSlots,
  reason: readString,
  valueInputs: readStrings,
  origin: readStrings,
});

function stepReader(depth: number): Reader<Step> {
  const readBlock = blockReader(depth + 1);
  return readTagged<Step>("kind", {
    kernel: readKernelStep,
    host: readHostStep,
    copy: readCopyStep,
    deferred: readDeferredStep,
    if: readObject<IfStep>({
      kind: readOneOf("if"),
      condition: readSlot,
      then: readBlock,
      else: readBlock,
      origin: readStrings,
    }),
    loop: readObject<LoopStep>({
      kind: readOneOf("loop"),
      tripCount: readSlot,
      initialCondition: readSlot,
      iteration: readSlot,
      condition: readSlot,
      bodyCondition: readSlot,
      carried: readArray(readObject(moved)),
      stacked: readArray(readObject<LoopStep["stacked"][number]>({ ...moved, ...emptyStack })),
      body: readBlock,
      origin: readStrings,
    }),
    scan: readObject<ScanStep>({
      kind: readOneOf("scan"),
      length: readSize,
      slices: readArray(readObject(alongAxis)),
      carried: readArray(readObject(moved)),
      stacked: readArray(readObject<ScanStep["stacked"][number]>({ ...alongAxis, ...emptyStack })),
      body: readBlock,
      origin: readStrings,
    }),
  });
}

const readFileName: Reader<string> = (value, path) => {
  const name = readString(value, path);
  if (!/^[\w][\w.-]*$/.test(name)) throw new JsonMismatch(path, "is not a plain file name");
  return name;
};

/** The modules of a program: each a file of its own. */
export const readModules: Reader<ProgramModule[]> = (value, path) => {
  const modules = readArray(
    readObject<ProgramModule>({ file: readFileName, features: readArray(readOneOf(...moduleFeatures)) }),
  )(value, path);
  if (new Set(modules.map(({ file }) => file)).size !== modules.length)
    throw new JsonMismatch(path, "name one file twice");
  return modules;
};

const readShape = readObject<Program>({
  version: (value) => value as typeof programVersion,
  name: readString,
  inputs: readArray(readPort),
  outputs: readArray(readPort),
  memory: readObject({
    weightsOffset: readSize,
    weightsBytes: readSize,
    arenaOffset: readSize,
    arenaBytes: readSize,
  }),
  modules: readModules,
  values: readArray(readValue),
  steps: readArray(stepReader(0)),
});

// ---- what must hold between its parts ---------------------------------------------------------------------------------------------

type StoredValue = Exclude<ProgramValue, { kind: "host" }>;

/** Bytes of a memory value; Infinity when the shape overflows. */
function valueBytes(value: StoredValue): number {
  let bytes = storageBytes(value.dtype);
  for (const dim of value.shape) bytes *= dim;
  return bytes;
}

function checkMemory({ memory, values }: Program): void {
  const regions = {
    weights: { begin: memory.weightsOffset, end: memory.weightsOffset + memory.weightsBytes },
    arena: { begin: memory.arenaOffset, end: memory.arenaOffset + memory.arenaBytes },
  };
  for (const [name, { end }] of Object.entries(regions)) {
    if (end > maxMemoryBytes) throw new JsonMismatch("memory", `has ${name} up to ${end}, beyond 4 GiB`);
  }
  const overlap = regions.weights.begin < regions.arena.end && regions.arena.begin < regions.weights.end;
  const empty = memory.weightsBytes === 0 || memory.arenaBytes === 0;
  if (overlap && !empty) throw new JsonMismatch("memory", "has weights and arena that overlap");
  for (const [index, value] of values.entries()) {
    if (value.kind === "host") continue;
    const name = value.kind === "memory" ? value.region : "arena";
    const region = regions[name];
    const bytes = value.kind === "memory" ? valueBytes(value) : spannedBytes(value, `values[${index}]`);
    const inside = value.offset >= region.begin && value.offset + bytes <= region.end;
    if (!inside)
      throw new JsonMismatch(`values[${index}]`, `(${bytes} bytes at ${value.offset}) lies outside the ${name}`);
    const aligned = value.offset % Math.min(8, Math.max(1, storageBytes(value.dtype))) === 0;
    if (!aligned) throw new JsonMismatch(`values[${index}]`, `has a misaligned offset ${value.offset}`);
    if (value.dtype === "string") throw new JsonMismatch(`values[${index}]`, "holds strings in memory");
  }
}

/** Bytes from the first piece of a part to the end of its last one. */
function spannedBytes(value: Extract<ProgramValue, { kind: "part" }>, path: string): number {
  const bytes = valueBytes(value);
  const { pieceBytes, stride } = value;
  if (bytes === 0) return 0;
  if (pieceBytes === 0 || bytes % pieceBytes !== 0 || stride < pieceBytes) {
    throw new JsonMismatch(path, `has pieces of ${pieceBytes} bytes ${stride} apart for ${bytes} bytes`);
  }
  return (bytes / pieceBytes - 1) * stride + pieceBytes;
}

type SlotUse = "read" | "write";

function checkSlots(program: Program): void {
  const { values } = program;
  const check = (slot: number, use: SlotUse, path: string): ProgramValue => {
    const value = values[slot];
    if (value === undefined) throw new JsonMismatch(path, `is slot ${slot} of ${values.length}`);
    if (use === "write" && value.kind === "memory" && value.region === "weights") {
      throw new JsonMismatch(path, `writes slot ${slot}, which holds weights`);
    }
    if (value.kind === "part" && !path.startsWith("inputs[")) {
      throw new JsonMismatch(path, `uses slot ${slot}, which only the caller writes`);
    }
    return value;
  };
  for (const [index, port] of program.inputs.entries())
    checkPort(port, check(port.slot, "write", `inputs[${index}].slot`));
  for (const [index, port] of program.outputs.entries())
    checkPort(port, check(port.slot, "read", `outputs[${index}].slot`));
  const memoryEnd = Math.max(
    program.memory.weightsOffset + program.memory.weightsBytes,
    program.memory.arenaOffset + program.memory.arenaBytes,
  );
  checkBlock(program, "", (slot, use, path) => void check(slot, use, path), memoryEnd);
}

function checkPort(port: ProgramPort, value: ProgramValue): void {
  const subject = `port ${JSON.stringify(port.name)}`;
  if (value.kind === "host") return;
  const { type } = port;
  const fits =
    type.kind === "tensor" &&
    type.dtype === value.dtype &&
    type.shape.length === value.shape.length &&
    type.shape.every((dim, axis) => dim === value.shape[axis]);
  if (!fits) throw new JsonMismatch(subject, "does not fit the value behind it");
}

type CheckSlot = (slot: number, use: SlotUse, path: string) => void;

function checkBlock(block: Block, at: string, check: CheckSlot, memoryEnd: number): void {
  for (const [index, step] of block.steps.entries()) {
    const path = `${at}steps[${index}]`;
    const read = (...slots: readonly number[]): void => {
      for (const slot of slots) check(slot, "read", path);
    };
    const write = (...slots: readonly number[]): void => {
      for (const slot of slots) check(slot, "write", path);
    };
    const move = (pairs: readonly { readonly from: number; readonly to: number }[]): void => {
      for (const { from, to } of pairs) {
        read(from);
        write(to);
      }
    };
    switch (step.kind) {
      case "kernel": {
        const beyond = step.args.find((address) => address > memoryEnd);
        if (beyond !== undefined) throw new JsonMismatch(path, `has an argument ${beyond} beyond the memory`);
        if (step.private.some(({ arg }) => arg >= step.args.length)) {
          throw new JsonMismatch(path, "has a work area that is no argument");
        }
        break;
      }
      case "copy":
        move([step]);
        break;
      case "host":
        read(...step.inputs);
        write(...step.outputs);
        break;
      case "deferred":
        read(step.payload, ...step.inputs);
        write(...step.outputs);
        if (step.inputNames.length !== step.inputs.length || step.outputNames.length !== step.outputs.length) {
          throw new JsonMismatch(path, "has names and slots of different number");
        }
        break;
      case "if":
        read(step.condition);
        checkBlock(step.then, `${path}.then.`, check, memoryEnd);
        checkBlock(step.else, `${path}.else.`, check, memoryEnd);
        break;
      case "loop":
        read(step.tripCount, step.initialCondition, step.bodyCondition);
        write(step.iteration, step.condition);
        move(step.carried);
        move(step.stacked);
        checkBlock(step.body, `${path}.body.`, check, memoryEnd);
        break;
      case "scan":
        move(step.slices);
        move(step.carried);
        move(step.stacked);
        checkBlock(step.body, `${path}.body.`, check, memoryEnd);
        break;
    }
  }
}
