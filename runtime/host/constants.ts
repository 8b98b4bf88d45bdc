/** Constants that linear memory cannot hold: what codegen writes into a step's attributes. */
import { fail } from "../../ir/diagnostic.ts";
import { isDType } from "../../ir/dtype.ts";
import type { Json } from "../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../ir/tensor.ts";
import type { HostFamily } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const isSize = (value: Json): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: Json): value is string => typeof value === "string";

/** A tensor of strings; its attributes come from a file, so a damaged one is a diagnostic. */
const constant: HostFunction = (_, { dtype, shape, elements }) => {
  const isSound =
    typeof dtype === "string" &&
    isDType(dtype) &&
    isList(shape) &&
    shape.every(isSize) &&
    isList(elements) &&
    elements.every(isText) &&
    elements.length === elementCount(shape);
  if (!isSound) throw fail("WSC7004", "a constant of the program is damaged");
  return [tensorFrom(dtype, shape, elements)];
};

export const constantFunctions: HostFamily = [["constant", constant]];
