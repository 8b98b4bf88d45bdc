/** Faults of a fabric program, each about a layer, a core and, where there is one, a color. */
import { type Diagnostic, diagnostic, showName } from "../diagnostic.ts";
import type { Core } from "../placement.ts";
import { coreCount, type FabricProgram, forEachCore, type Role } from "./program.ts";

/** Faults after which a check says no more. */
const mostFaults = 20;

export class FabricFaults {
  readonly #program: FabricProgram;
  readonly #roleAt = new Map<number, Role>();
  readonly found: Diagnostic[] = [];

  constructor(program: FabricProgram) {
    this.#program = program;
    const cells = program.target.width * program.target.height;
    for (const role of program.roles) {
      if (coreCount(role.cores) > cells) continue;
      forEachCore(role.cores, (x, y) => {
        const key = y * program.target.width + x;
        if (!this.#roleAt.has(key)) this.#roleAt.set(key, role);
      });
    }
  }

  get isFull(): boolean {
    return this.found.length >= mostFaults;
  }

  /** The role of a core; undefined where nothing runs. */
  roleAt({ x, y }: Core): Role | undefined {
    return this.#roleAt.get(y * this.#program.target.width + x);
  }

  layerOf(role: Role): string {
    return `layer "${showName(this.#program.layers[role.layer] ?? "")}"`;
  }

  add(subject: string, message: string): void {
    if (!this.isFull) this.found.push(diagnostic("error", "WSC5006", message, { subject }));
  }

  /** A fault of a core; the layer that runs there is named. */
  at(core: Core, message: string, color?: number): void {
    const role = this.roleAt(core);
    const where = `core (${core.x}, ${core.y})${color === undefined ? "" : `, color ${color}`}`;
    this.add(role === undefined ? where : `${this.layerOf(role)}, ${where}`, message);
  }
}
