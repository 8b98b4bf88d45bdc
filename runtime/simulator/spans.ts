/** What tasks do when, step by step, for those who want to look at a run. */
import type { ReadyStep } from "./word/cores.ts";

/** A step of a task, from the cycle in which the task comes to it (or, for a computation, the core begins it) to the one in which it is done. */
export interface Span {
  readonly x: number;
  readonly y: number;
  /** index into the program's layers */
  readonly layer: number;
  /** number of the task in its core, and its name */
  readonly task: number;
  readonly name: string;
  readonly what: string;
  readonly sample: number;
  readonly begin: number;
  readonly end: number;
}

/** Is told of every step that takes time, in the order in which they end. */
export type OnSpan = (span: Span) => void;

/** A step in words. */
export function stepText(step: ReadyStep): string {
  switch (step.kind) {
    case "stream": {
      const words = `${step.places.length} words`;
      if (step.from === null) return `send ${words}, color ${step.to?.color ?? "none"}`;
      const how = step.with ?? "receive";
      return `${how} ${words}, color ${step.from.color}${step.to === null ? "" : `, on to color ${step.to.color}`}`;
    }
    case "compute":
      return "compute";
    case "claim":
    case "take":
    case "publish":
    case "free":
      return `wait to ${step.kind}`;
  }
}
