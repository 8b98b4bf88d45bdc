/** Assembles a module: functions over one imported memory `env.memory`. Binaries are reproducible: same calls, same bytes. */
import { ByteWriter } from "./bytes.ts";
import { FunctionBuilder, type FunctionType } from "./function.ts";
import { valTypeCodes } from "./opcodes.ts";

/** What the engine may be asked to understand beyond WebAssembly 2.0 (which has fixed-width SIMD). */
export interface Features {
  readonly relaxedSimd: boolean;
  /** it joins neighbouring vectors of 128 bits to one of 256, so tiles may be as large as its registers are then */
  readonly joinedVectors?: boolean;
}

export interface ModuleOptions {
  readonly features: Features;
  /** 64 KiB pages that the imported memory has at least */
  readonly minPages: number;
  /** the imported memory is shared between threads */
  readonly shared: boolean;
  /** write the functions' names, for debuggers and profilers */
  readonly names: boolean;
}

/** The largest number of pages of a 32-bit memory. */
export const maxPages = 65536;

const sectionIds = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

export class ModuleBuilder {
  readonly features: Features;
  readonly #options: ModuleOptions;
  readonly #types: FunctionType[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #functions: { readonly name: string; readonly type: number; readonly code: ByteWriter }[] = [];
  readonly #exports: { readonly name: string; readonly index: number }[] = [];
  readonly #shared = new Map<string, number>();

  constructor(options: Partial<ModuleOptions> = {}) {
    this.#options = { features: { relaxedSimd: false }, minPages: 0, shared: false, names: false, ...options };
    this.features = this.#options.features;
  }

  /** Adds a function and returns its index. The body may add further functions while it is emitted. */
  function(name: string, type: FunctionType, emit: (f: FunctionBuilder) => void): number {
    const builder = new FunctionBuilder(this, name, type);
    emit(builder);
    this.#functions.push({ name, type: this.#internType(type), code: builder.finish() });
    return this.#functions.length - 1;
  }

  /** A helper that several functions call: `emit` runs on the first request for `key`. */
  shared(key: string, emit: (module: ModuleBuilder) => number): number {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const index = emit(this);
    this.#shared.set(key, index);
    return index;
  }

  export(name: string, functionIndex: number): void {
    this.typeOf(functionIndex);
    this.#exports.push({ name, index: functionIndex });
  }

  typeOf(functionIndex: number): FunctionType {
    const found = this.#functions[functionIndex];
    const type = found === undefined ? undefined : this.#types[found.type];
    if (type === undefined) throw new Error(`internal: no function ${functionIndex} in the module`);
    return type;
  }

  get functionCount(): number {
    return this.#functions.length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    out.bytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    this.#section(out, sectionIds.type, this.#types, writeFunctionType);
    this.#section(out, sectionIds.import, ["memory"], (section) => {
      this.#writeMemoryImport(section);
    });
    this.#section(out, sectionIds.function, this.#functions, (section, f) => {
      section.u32(f.type);
    });
    this.#section(out, sectionIds.export, this.#exports, (section, entry) => {
      section.name(entry.name);
      section.u8(0);
      section.u32(entry.index);
    });
    this.#section(out, sectionIds.code, this.#functions, (section, f) => {
      section.sized(f.code);
    });
    if (this.#options.names) this.#writeNames(out);
    return out.view().slice();
  }

  #internType(type: FunctionType): number {
    const key = `${type.params.join()}:${type.results.join()}`;
    const known = this.#typeIndex.get(key);
    if (known !== undefined) return known;
    this.#types.push(type);
    this.#typeIndex.set(key, this.#types.length - 1);
    return this.#types.length - 1;
  }

  #section<T>(
    out: ByteWriter,
    id: number,
    entries: readonly T[],
    write: (section: ByteWriter, entry: T) => void,
  ): void {
    const section = new ByteWriter();
    section.u32(entries.length);
    for (const entry of entries) write(section, entry);
    out.u8(id);
    out.sized(section);
  }

  #writeMemoryImport(section: ByteWriter): void {
    section.name("env");
    section.name("memory");
    section.u8(2);
    section.u8(this.#options.shared ? 3 : 1);
    section.u32(this.#options.minPages);
    section.u32(maxPages);
  }

  #writeNames(out: ByteWriter): void {
    const functionNames = new ByteWriter();
    functionNames.u32(this.#functions.length);
    for (const [index, f] of this.#functions.entries()) {
      functionNames.u32(index);
      functionNames.name(f.name);
    }
    const section = new ByteWriter();
    section.name("name");
    section.u8(1);
    section.sized(functionNames);
    out.u8(sectionIds.custom);
    out.sized(section);
  }
}

function writeFunctionType(section: ByteWriter, type: FunctionType): void {
  section.u8(0x60);
  for (const types of [type.params, type.results]) {
    section.u32(types.length);
    for (const t of types) section.u8(valTypeCodes[t]);
  }
}
