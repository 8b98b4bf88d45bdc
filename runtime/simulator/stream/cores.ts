/** The cores of a program in tables: which runs which role where, and which tasks are its own. */
import { nth } from "../../../ir/access.ts";
import { coreCount, type FabricProgram, forEachCore } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { prepareRole, type ReadyRole } from "../word/cores.ts";

export class CoreTable {
  readonly roles: readonly ReadyRole[];
  readonly count: number;
  readonly cells: Int32Array;
  readonly firstTask: Int32Array;
  readonly firstSemaphore: Int32Array;
  readonly coreOfTask: Int32Array;
  readonly #roleOf: Int32Array;
  readonly #coreAt = new Map<number, number>();

  constructor(program: FabricProgram, target: Target) {
    this.roles = program.roles.map((role) => prepareRole(role, target));
    this.count = program.roles.reduce((sum, { cores }) => sum + coreCount(cores), 0);
    this.cells = new Int32Array(this.count);
    this.#roleOf = new Int32Array(this.count);
    this.firstTask = new Int32Array(this.count + 1);
    this.firstSemaphore = new Int32Array(this.count + 1);
    let core = 0;
    for (const [index, { role, semaphores }] of this.roles.entries()) {
      forEachCore(role.cores, (x, y) => {
        const cell = y * program.target.width + x;
        this.cells[core] = cell;
        this.#roleOf[core] = index;
        this.#coreAt.set(cell, core);
        this.firstTask[core + 1] = (this.firstTask[core] as number) + role.tasks.length;
        this.firstSemaphore[core + 1] = (this.firstSemaphore[core] as number) + semaphores;
        core++;
      });
    }
    this.coreOfTask = new Int32Array(this.firstTask[this.count] as number);
    for (let one = 0; one < this.count; one++) this.coreOfTask.fill(one, this.firstTask[one], this.firstTask[one + 1]);
  }

  roleOf(core: number): ReadyRole {
    return nth(this.roles, this.#roleOf[core] as number);
  }

  /** The core at a cell; null: nothing runs there. */
  at(cell: number): number | null {
    return this.#coreAt.get(cell) ?? null;
  }
}
