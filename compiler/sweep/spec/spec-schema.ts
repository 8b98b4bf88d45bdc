/** JSON Schema (draft 7) of specifications, for editors; docs/sweep.schema.json is this object, written out. `read-spec.ts` says more, and in words. */
import { actionNames, actions, type ActionName } from "./actions.ts";
import { parameterNames, parameterOf, targetPrefix } from "./parameters.ts";
import { ruleSchema } from "./rules.ts";

const rangeSchema = {
  type: "string",
  pattern: String.raw`^\d+(\.\d+)?\.\.\d+(\.\d+)?([/*]\d+(\.\d+)?)?$`,
  description: "from..to, from..to/step or from..to*factor",
};

const range = { $ref: "#/definitions/range" };

const texts = (description: string, items: object): object => ({
  description,
  anyOf: [items, { type: "array", items, minItems: 1 }],
});

function actionSchema(name: ActionName): object {
  const action = actions[name];
  const values = Object.fromEntries(
    parameterNames(action).flatMap((parameter) => {
      const option = parameterOf(action, parameter);
      if (option === null) throw new Error(`internal: ${parameter} is no parameter`);
      return parameter.startsWith(targetPrefix) ? [] : [[parameter, ruleSchema(option)] as const];
    }),
  );
  const patterns = {
    // their bounds stand in the target's own schema
    [`^target\\.`]: { type: "number", description: "a number of the target's description (docs/target.schema.json)" },
    ...(action.model === "onnx"
      ? { [`^dim\\.`]: { type: "integer", minimum: 0, description: "the size of a symbolic dim" } }
      : {}),
  };
  const listed = (value: object): object => ({
    anyOf: [value, range, { type: "array", minItems: 1, items: { anyOf: [value, range] } }],
  });
  const listedAll = (table: Readonly<Record<string, object>>): object =>
    Object.fromEntries(Object.entries(table).map(([key, value]) => [key, listed(value)]));
  const figures = Object.keys(action.figures);
  const numbers = Object.entries(action.figures).filter(([, { type }]) => type === "number");
  return {
    type: "object",
    required: ["do", "axes"],
    additionalProperties: false,
    properties: {
      do: { const: name, description: `what a point does: one of ${actionNames.join(", ")}` },
      axes: {
        type: "object",
        description: "values of what points differ in; the last axis changes fastest",
        properties: listedAll(values),
        patternProperties: listedAll(patterns),
        additionalProperties: false,
      },
      fixed: {
        type: "object",
        description: "what all points have in common",
        properties: values,
        patternProperties: patterns,
        additionalProperties: false,
      },
      where: texts("expressions that hold for every point", { type: "string", maxLength: 1000 }),
      record: texts("figures that tables have; default all", { enum: figures }),
      objectives: {
        type: "object",
        description: "figures of which much or little is good: what the frontier is of",
        properties: Object.fromEntries(
          numbers.map(([figure, { describe }]) => [figure, { enum: ["max", "min"], description: describe }]),
        ),
        additionalProperties: false,
        minProperties: 1,
      },
      keep:
        action.keep.length === 0
          ? { type: "array", maxItems: 0, description: "points of this kind leave no files" }
          : { type: "array", items: { enum: action.keep }, description: "files that every point leaves" },
    },
  };
}

export const sweepSchema: object = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "wsc sweep",
  description:
    "A design space: what its points do, which axes they vary, what holds between axes, what is told of the results.",
  definitions: { range: rangeSchema },
  oneOf: actionNames.map(actionSchema),
};
