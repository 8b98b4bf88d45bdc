/**
 * Emits one function. Instructions go out as they are named in the specification (`f.op("i32.add")`, `f.load("v128.load", offset)`);
 * operands are pushed before. Structured control takes callbacks; every instruction is type-checked against a virtual stack.
 */
import { ByteWriter } from "./bytes.ts";
import type { ModuleBuilder } from "./module.ts";
import {
  instruction,
  type LaneOpName,
  type MemoryLaneOpName,
  type MemoryOpName,
  type OpName,
  type ValType,
  valTypeCodes,
} from "./opcodes.ts";
import { TypeStack } from "./stack.ts";

/** A parameter or local variable. */
export interface Local {
  readonly index: number;
  readonly type: ValType;
}

/** A block, loop or if that a branch may leave (or, for a loop, repeat). */
export interface Label {
  /** nesting depth at which the construct was opened; the function body is 1 */
  readonly depth: number;
}

export interface FunctionType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

const emptyBlockType = 0x40;

export class FunctionBuilder {
  readonly module: ModuleBuilder;
  readonly name: string;
  readonly type: FunctionType;
  readonly params: readonly Local[];
  readonly #code = new ByteWriter();
  readonly #stack: TypeStack;
  readonly #locals: ValType[] = [];
  readonly #free = new Map<ValType, Local[]>();

  constructor(module: ModuleBuilder, name: string, type: FunctionType) {
    this.module = module;
    this.name = name;
    this.type = type;
    this.params = type.params.map((param, index) => ({ index, type: param }));
    this.#stack = new TypeStack(name);
    this.#stack.open(type.results, false);
  }

  /** Parameter `index`; throws when there is none. */
  param(index: number): Local {
    const local = this.params[index];
    if (local === undefined) throw new Error(`internal: ${this.name} has no parameter ${index}`);
    return local;
  }

  /** A local of the given type: one that was released, or a new one. New ones are zero on entry, released ones hold anything. */
  local(type: ValType): Local {
    const released = this.#free.get(type)?.pop();
    if (released !== undefined) return released;
    this.#locals.push(type);
    return { index: this.params.length + this.#locals.length - 1, type };
  }

  /** `count` locals of one type. */
  localArray(type: ValType, count: number): Local[] {
    const locals: Local[] = [];
    for (let i = 0; i < count; i++) locals.push(this.local(type));
    return locals;
  }

  /** Gives locals back for reuse. */
  release(...locals: readonly Local[]): void {
    for (const local of locals) {
      const free = this.#free.get(local.type);
      if (free === undefined) this.#free.set(local.type, [local]);
      else free.push(local);
    }
  }

  get(local: Local): void {
    this.#code.u8(0x20);
    this.#code.u32(local.index);
    this.#stack.push(local.type);
  }

  set(local: Local): void {
    this.#code.u8(0x21);
    this.#code.u32(local.index);
    this.#stack.pop(local.type, "local.set");
  }

  tee(local: Local): void {
    this.#code.u8(0x22);
    this.#code.u32(local.index);
    this.#stack.apply([local.type], [local.type], "local.tee");
  }

  i32(value: number): void {
    this.#code.u8(0x41);
    this.#code.s32(value);
    this.#stack.push("i32");
  }

  i64(value: bigint): void {
    this.#code.u8(0x42);
    this.#code.s64(value);
    this.#stack.push("i64");
  }

  f32(value: number): void {
    this.#code.u8(0x43);
    this.#code.f32(value);
    this.#stack.push("f32");
  }

  f64(value: number): void {
    this.#code.u8(0x44);
    this.#code.f64(value);
    this.#stack.push("f64");
  }

  /** `v128.const` from 16 bytes. */
  v128(bytes: ArrayLike<number>): void {
    if (bytes.length !== 16) throw new Error(`internal: ${this.name}: v128.const of ${bytes.length} bytes`);
    this.#code.bytes([0xfd, 12]);
    this.#code.bytes(bytes);
    this.#stack.push("v128");
  }

  /** `v128.const` with one value in all lanes. */
  splatConst(shape: "f32x4" | "f64x2" | "i8x16" | "i16x8" | "i32x4" | "i64x2", value: number | bigint): void {
    this.v128(splatBytes(shape, value));
  }

  op(name: OpName): void {
    const found = instruction(name);
    if (found.relaxed && !this.module.features.relaxedSimd) {
      throw new Error(`internal: ${this.name}: ${name} in a module without relaxed SIMD`);
    }
    this.#code.bytes(found.bytes);
    this.#stack.apply(found.params, found.results, name);
  }

  /** Loads from the address on the stack plus a constant offset in bytes. */
  load(name: MemoryOpName, offset = 0): void {
    this.#memory(name, offset);
  }

  /** Stores the value on top of the stack at the address below it plus a constant offset in bytes. */
  store(name: MemoryOpName, offset = 0): void {
    this.#memory(name, offset);
  }

  /** Extracts or replaces a lane. */
  lane(name: LaneOpName, lane: number): void {
    const found = instruction(name);
    this.#code.bytes(found.bytes);
    this.#code.u8(lane);
    this.#stack.apply(found.params, found.results, name);
  }

  /** Loads or stores one lane; the stack holds the address, then the vector. */
  memoryLane(name: MemoryLaneOpName, lane: number, offset = 0): void {
    this.#memory(name, offset);
    this.#code.u8(lane);
  }

  /** `i8x16.shuffle`: the 16 byte numbers choose from the two vectors on the stack. */
  shuffle(lanes: readonly number[]): void {
    if (lanes.length !== 16) throw new Error(`internal: ${this.name}: shuffle of ${lanes.length} lanes`);
    this.#code.bytes([0xfd, 13]);
    this.#code.bytes(lanes);
    this.#stack.apply(["v128", "v128"], ["v128"], "i8x16.shuffle");
  }

  /** Copies bytes: the stack holds destination, source, length. */
  memoryCopy(): void {
    this.#code.bytes([0xfc, 10, 0, 0]);
    this.#stack.apply(["i32", "i32", "i32"], [], "memory.copy");
  }

  /** Fills bytes: the stack holds destination, value, length. */
  memoryFill(): void {
    this.#code.bytes([0xfc, 11, 0]);
    this.#stack.apply(["i32", "i32", "i32"], [], "memory.fill");
  }

  drop(): void {
    this.#code.u8(0x1a);
    this.#stack.popAny("drop");
  }

  /** The first of two values of a type if the i32 on top is not zero, else the second. */
  select(type: ValType): void {
    if (type === "v128") this.#code.bytes([0x1c, 1, valTypeCodes.v128]);
    else this.#code.u8(0x1b);
    this.#stack.apply([type, type, "i32"], [type], "select");
  }

  call(functionIndex: number): void {
    const { params, results } = this.module.typeOf(functionIndex);
    this.#code.u8(0x10);
    this.#code.u32(functionIndex);
    this.#stack.apply(params, results, "call");
  }

  block(body: (label: Label) => void, result: ValType | null = null): void {
    this.#open(0x02, result, "block");
    body({ depth: this.#stack.depth });
    this.#end("block");
  }

  /** Branching to the label starts the next round. */
  loop(body: (label: Label) => void, result: ValType | null = null): void {
    this.#open(0x03, result, "loop");
    body({ depth: this.#stack.depth });
    this.#end("loop");
  }

  /** Takes the condition from the stack. With a result, both arms must leave it. */
  if(
    then: (label: Label) => void,
    otherwise: ((label: Label) => void) | null = null,
    result: ValType | null = null,
  ): void {
    this.#stack.pop("i32", "if");
    this.#open(0x04, result, "if");
    const label = { depth: this.#stack.depth };
    then(label);
    if (otherwise !== null) {
      this.#stack.alternative("else");
      this.#code.u8(0x05);
      otherwise(label);
    }
    this.#end("if");
  }

  br(label: Label): void {
    this.#branch(0x0c, label);
    this.#stack.markUnreachable();
  }

  /** Branches if the i32 on the stack is not zero. */
  brIf(label: Label): void {
    this.#stack.pop("i32", "br_if");
    const types = this.#branch(0x0d, label);
    for (const type of types) this.#stack.push(type);
  }

  return(): void {
    const { results } = this.type;
    for (let i = results.length - 1; i >= 0; i--) this.#stack.pop(results[i] as ValType, "return");
    this.#code.u8(0x0f);
    this.#stack.markUnreachable();
  }

  unreachable(): void {
    this.#code.u8(0x00);
    this.#stack.markUnreachable();
  }

  /** The function's entry of the code section; called once by the module. */
  finish(): ByteWriter {
    this.#stack.close("end");
    const body = new ByteWriter();
    const runs = runLengths(this.#locals);
    body.u32(runs.length);
    for (const [type, count] of runs) {
      body.u32(count);
      body.u8(valTypeCodes[type]);
    }
    body.bytes(this.#code.view());
    body.u8(0x0b);
    return body;
  }

  #memory(name: MemoryOpName | MemoryLaneOpName, offset: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0xffffffff) {
      throw new Error(`internal: ${this.name}: ${name} at offset ${offset}`);
    }
    const found = instruction(name);
    this.#code.bytes(found.bytes);
    this.#code.u32(found.alignLog2);
    this.#code.u32(offset);
    this.#stack.apply(found.params, found.results, name);
  }

  #open(opcode: number, result: ValType | null, kind: "block" | "loop" | "if"): void {
    this.#code.u8(opcode);
    this.#code.u8(result === null ? emptyBlockType : valTypeCodes[result]);
    this.#stack.open(result === null ? [] : [result], kind === "loop");
  }

  #end(at: string): void {
    this.#stack.close(at);
    this.#code.u8(0x0b);
  }

  #branch(opcode: number, label: Label): readonly ValType[] {
    const types = this.#stack.branchTypes(label.depth);
    for (let i = types.length - 1; i >= 0; i--) this.#stack.pop(types[i] as ValType, "branch");
    this.#code.u8(opcode);
    this.#code.u32(this.#stack.depth - label.depth);
    return types;
  }
}

/** Neighbouring locals of one type share an entry of the declaration. */
function runLengths(types: readonly ValType[]): [ValType, number][] {
  const runs: [ValType, number][] = [];
  for (const type of types) {
    const last = runs.at(-1);
    if (last?.[0] === type) last[1]++;
    else runs.push([type, 1]);
  }
  return runs;
}

const zeroBytes = new Uint8Array(16);

function splatBytes(shape: string, value: number | bigint): Uint8Array {
  if (Object.is(value, 0) || value === 0n) return zeroBytes;
  const view = new DataView(new ArrayBuffer(16));
  const laneBytes = 16 / Number(shape.slice(shape.indexOf("x") + 1));
  for (let at = 0; at < 16; at += laneBytes) {
    if (shape === "f32x4") view.setFloat32(at, Number(value), true);
    else if (shape === "f64x2") view.setFloat64(at, Number(value), true);
    else if (shape === "i64x2") view.setBigInt64(at, BigInt(value), true);
    else if (shape === "i32x4") view.setInt32(at, Number(value), true);
    else if (shape === "i16x8") view.setInt16(at, Number(value), true);
    else view.setInt8(at, Number(value));
  }
  return new Uint8Array(view.buffer);
}
