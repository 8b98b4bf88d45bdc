/** JSON Schema (draft 7) of a tuning file; docs/tuning.schema.json is this object, written out. */

/** What stands in a file's `format`. */
export const tuningFormat = "wsc tuning";
/** Raised when kernels or choices get other names. */
export const tuningVersion = 1;

const maxKernels = 100_000;
const maxNameLength = 65_536;
const maxChoices = 256;
const maxWords = 200;

const microseconds = (description: string): object => ({ type: "number", minimum: 0, maximum: 1e12, description });

export const tuningSchema: object = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "wsc tuning",
  description: "Choices about kernels that were found by measuring (wsc compile --tune).",
  type: "object",
  properties: {
    format: { const: tuningFormat },
    version: { const: tuningVersion },
    kernels: {
      type: "array",
      maxItems: maxKernels,
      items: {
        type: "object",
        properties: {
          kernel: { type: "string", minLength: 1, maxLength: maxNameLength, description: "operation, types, attributes" },
          choices: {
            type: "object",
            maxProperties: maxChoices,
            propertyNames: { maxLength: maxWords },
            additionalProperties: { type: "string", maxLength: maxWords },
            description: "what is chosen and how, where that is not the cost model's choice",
          },
          microseconds: {
            type: "object",
            properties: {
              model: microseconds("of one call as the cost model chooses"),
              tuned: microseconds("of one call with these choices"),
            },
            required: ["model", "tuned"],
            additionalProperties: false,
            description: "measured when the entry was made; nothing reads them",
          },
        },
        required: ["kernel", "choices"],
        additionalProperties: false,
      },
    },
  },
  required: ["format", "version", "kernels"],
  additionalProperties: false,
}; // prettier-ignore
