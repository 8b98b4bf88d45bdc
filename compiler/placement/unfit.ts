/** What preparing a problem (prepare.ts) can fail at; explain/no-fit.ts says it to people. */
import type { KernelId } from "../../ir/kernel-graph.ts";
import type { Scene } from "./search.ts";
import type { Task } from "./task.ts";

/** Why there is nothing to search: a step at which some kernels, or all together, have nowhere to go. */
export type Unfit =
  /** no cut of these kernels fits the cores' SRAM on so many cores */
  | { readonly kind: "memory"; readonly scene: Scene; readonly kernels: readonly KernelId[] }
  /** the edge of the wafer is slower than the limit on the interval */
  | { readonly kind: "edge"; readonly scene: Scene }
  /** these kernels are slower than the limit, with the cycles of their fastest variants */
  | {
      readonly kind: "limit";
      readonly scene: Scene;
      readonly kernels: readonly KernelId[];
      readonly least: readonly number[];
    }
  /** constraints leave these kernels no place */
  | { readonly kind: "place"; readonly scene: Scene; readonly kernels: readonly KernelId[] }
  /** the least cores of all kernels are more than there are */
  | { readonly kind: "area"; readonly scene: Scene; readonly task: Task };
