/** What values an option of a sweep takes. One table says it for the reader of specifications, for its JSON Schema and for workers that check foreign jobs. */
import { showName } from "../../../ir/diagnostic.ts";
import { nearestName } from "../../../ir/nearest.ts";
import type { Scalar } from "../../axes.ts";

export type Rule =
  | { readonly kind: "choice"; readonly values: readonly string[] }
  /** a whole number */
  | { readonly kind: "count"; readonly least: number; readonly most: number; readonly word?: string }
  /** a number above zero */
  | { readonly kind: "amount"; readonly most: number }
  | { readonly kind: "flag" }
  | { readonly kind: "text"; readonly form: RegExp; readonly says: string };

export interface Option {
  readonly rule: Rule;
  /** what it is where nothing is said; null: left to wsc */
  readonly usual: Scalar;
  readonly describe: string;
}

/** Whole numbers that no size of a machine or a model goes beyond. */
export const mostCount: number = 2 ** 31 - 1;

export const count = (least: number, most: number = mostCount): Rule => ({ kind: "count", least, most });

/** Why a value is none of an option's; null where it is one. Null stands for "as usual" where the usual is null. */
export function misfit({ rule, usual }: Option, value: Scalar): string | null {
  if (value === null && usual === null) return null;
  switch (rule.kind) {
    case "choice": {
      if (typeof value === "string" && rule.values.includes(value)) return null;
      const near = typeof value === "string" ? nearestName(value, rule.values) : undefined;
      const meant = near === undefined ? "" : ` (did you mean "${near}"?)`;
      return `is one of ${rule.values.join(", ")}, not ${shown(value)}${meant}`;
    }
    case "count": {
      const { least, most, word } = rule;
      if (word !== undefined && value === word) return null;
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return null;
      return `is a whole number from ${least} to ${most}${word === undefined ? "" : ` or ${word}`}, not ${shown(value)}`;
    }
    case "amount":
      if (typeof value === "number" && value > 0 && value <= rule.most) return null;
      return `is a number above 0, at most ${rule.most}, not ${shown(value)}`;
    case "flag":
      return typeof value === "boolean" ? null : `is true or false, not ${shown(value)}`;
    case "text":
      return typeof value === "string" && rule.form.test(value) ? null : `is ${rule.says}, not ${shown(value)}`;
  }
}

const shown = (value: Scalar): string => (typeof value === "string" ? `"${showName(value)}"` : String(value));

/** The JSON Schema of one value. */
export function ruleSchema({ rule, usual, describe }: Option): object {
  const description = `${describe}${usual === null ? "" : `; default ${String(usual)}`}`;
  const orNull = usual === null ? [{ type: "null" }] : [];
  const only = (schema: object, ...more: readonly object[]): object => {
    const all = [schema, ...more, ...orNull];
    return all.length === 1 ? { description, ...schema } : { description, anyOf: all };
  };
  switch (rule.kind) {
    case "choice":
      return only({ enum: rule.values });
    case "count": {
      const { least, most, word } = rule;
      return only({ type: "integer", minimum: least, maximum: most }, ...(word === undefined ? [] : [{ const: word }]));
    }
    case "amount":
      return only({ type: "number", exclusiveMinimum: 0, maximum: rule.most });
    case "flag":
      return only({ type: "boolean" });
    case "text":
      return only({ type: "string", pattern: rule.form.source });
  }
}
