/**
 * The operand stack as a validator sees it: every emitted instruction is checked when it is emitted, so that a mistake in a kernel emitter
 * is reported where it was made and not as an offset in a rejected binary.
 */
import type { ValType } from "./opcodes.ts";

interface Frame {
  /** operands that belong to enclosing constructs */
  readonly height: number;
  readonly results: readonly ValType[];
  /** types that a branch to this construct carries: none for a loop */
  readonly branchTypes: readonly ValType[];
  /** after an unconditional branch anything type-checks */
  unreachable: boolean;
}

export class TypeStack {
  readonly #what: string;
  readonly #types: ValType[] = [];
  readonly #frames: Frame[] = [];

  /** `what` names the function in messages. */
  constructor(what: string) {
    this.#what = what;
  }

  get depth(): number {
    return this.#frames.length;
  }

  push(type: ValType): void {
    this.#types.push(type);
  }

  pop(expected: ValType, at: string): void {
    const frame = this.#frame();
    if (this.#types.length === frame.height) {
      if (frame.unreachable) return;
      this.#fail(at, `needs ${expected}, but the stack is empty`);
    }
    const type = this.#types.pop();
    if (type !== expected) this.#fail(at, `needs ${expected}, but finds ${String(type)}`);
  }

  /** Applies an instruction's signature. */
  apply(params: readonly ValType[], results: readonly ValType[], at: string): void {
    for (let i = params.length - 1; i >= 0; i--) this.pop(params[i] as ValType, at);
    for (const type of results) this.#types.push(type);
  }

  /** Pops a value of any type; `i32` stands for it in unreachable code. */
  popAny(at: string): ValType {
    const frame = this.#frame();
    if (this.#types.length > frame.height) return this.#types.pop() as ValType;
    if (!frame.unreachable) this.#fail(at, "needs a value, but the stack is empty");
    return "i32";
  }

  open(results: readonly ValType[], isLoop: boolean): void {
    const branchTypes = isLoop ? [] : results;
    this.#frames.push({ height: this.#types.length, results, branchTypes, unreachable: false });
  }

  /** Ends a construct: exactly its results must be there. They are left for the enclosing one. */
  close(at: string): void {
    const frame = this.#frame();
    for (let i = frame.results.length - 1; i >= 0; i--) this.pop(frame.results[i] as ValType, at);
    const rest = this.#types.length - frame.height;
    if (rest !== 0) this.#fail(at, `leaves ${rest} values too many`);
    this.#frames.pop();
    for (const type of frame.results) this.#types.push(type);
  }

  /** Ends the `then` arm of an `if` and starts its `else` arm. */
  alternative(at: string): void {
    const { results } = this.#frame();
    this.close(at);
    this.#types.length -= results.length;
    this.open(results, false);
  }

  /** Types that a branch out to the construct at `depth` (1 = outermost) must find. */
  branchTypes(depth: number): readonly ValType[] {
    const frame = this.#frames[depth - 1];
    if (frame === undefined) throw new Error(`internal: ${this.#what}: branch to a construct that has ended`);
    return frame.branchTypes;
  }

  markUnreachable(): void {
    const frame = this.#frame();
    this.#types.length = frame.height;
    frame.unreachable = true;
  }

  #frame(): Frame {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw new Error(`internal: ${this.#what}: instruction after the end`);
    return frame;
  }

  #fail(at: string, problem: string): never {
    throw new Error(`internal: ${this.#what}: ${at} ${problem}`);
  }
}
