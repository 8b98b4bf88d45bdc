/** The points of a specification: every combination of its axes by a number, those that its constraints admit. Nothing is listed, so a space may be large. */
import { fail } from "../../../ir/diagnostic.ts";
import { nth } from "../../../ir/access.ts";
import { combinationAt, combinationCount, combinationIndex } from "../../axes.ts";
import { ExpressionError, parseExpression } from "./expressions.ts";
import type { Assignment, Spec } from "./spec.ts";

export interface Space {
  /** values of each axis */
  readonly lengths: readonly number[];
  /** combinations, before constraints */
  readonly size: number;
  /** the point of a number; null where a constraint does not admit it */
  readonly pointAt: (index: number) => Assignment | null;
  readonly positionsOf: (index: number) => readonly number[];
  readonly indexOf: (positions: readonly number[]) => number;
}

export function spaceOf(spec: Spec): Space {
  const lengths = spec.axes.map(({ values }) => values.length);
  const constraints = spec.where.map(parseExpression);
  const admits = (point: Assignment): boolean =>
    constraints.every(({ text, evaluate }) => {
      try {
        const value = evaluate((name) => (Object.hasOwn(point, name) ? point[name] : undefined));
        if (typeof value === "boolean") return value;
        throw new ExpressionError(`is ${JSON.stringify(value)}, neither true nor false`);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        throw fail("WSC8101", `the constraint "${text}" cannot be evaluated: ${error.message}`, {
          hint: `at ${JSON.stringify(point)}`,
        });
      }
    });
  return {
    lengths,
    size: combinationCount(lengths),
    pointAt: (index) => {
      const positions = combinationAt(lengths, index);
      const varied = spec.axes.map(({ name, values }, axis) => [name, nth(values, nth(positions, axis))] as const);
      const point: Assignment = { ...Object.fromEntries(varied), ...spec.fixed };
      return admits(point) ? point : null;
    },
    positionsOf: (index) => combinationAt(lengths, index),
    indexOf: (positions) => combinationIndex(lengths, positions),
  };
}
