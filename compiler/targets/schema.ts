import { bases, rateTypes } from "../../ir/machine/target.ts";

/** JSON Schema (draft 7) of a target description; docs/target.schema.json is this object, written out. */

const integer = (minimum: number, maximum: number, description: string): object => ({
  type: "integer",
  minimum,
  maximum,
  description,
});

const positive = (maximum: number, description: string): object => ({
  type: "number",
  exclusiveMinimum: 0,
  maximum,
  description,
});

const amount = (maximum: number, description: string): object => ({
  type: "number",
  minimum: 0,
  maximum,
  description,
});

const record = (
  description: string,
  properties: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
): object => ({
  type: "object",
  description,
  properties: { ...properties, ...optional },
  required: Object.keys(properties),
  additionalProperties: false,
});

const maxSide = 16_384;

const rate = (type: string): object =>
  record(type === "other" ? "every other type" : type, {
    aligned: positive(1e6, "operands in banks that can be read together"),
    conflicting: positive(1e6, "operands that share a bank"),
  });

const maxDeadCores = 100_000;

export const targetSchema: object = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "wsc target",
  ...record(
    "A machine: a mesh of equal cores, each with its own SRAM and a router.",
    {
      name: { type: "string", minLength: 1, maxLength: 64, description: "name in reports" },
      description: { type: "string", maxLength: 200, description: "one line for people" },
      fabric: record("cores of the whole mesh", {
        width: integer(1, maxSide, "columns"),
        height: integer(1, maxSide, "rows"),
      }),
      io: record("cores at the rim that carry the host's streams, and what the edge moves", {
        columnsWest: integer(0, maxSide, "columns at the west edge"),
        columnsEast: integer(0, maxSide, "columns at the east edge"),
        rowsNorth: integer(0, maxSide, "rows at the north edge"),
        rowsSouth: integer(0, maxSide, "rows at the south edge"),
        bytesPerSecond: positive(1e18, "bytes per second over the edge, both ways together"),
      }),
      clock: record("GHz: the range that sources give, and the one used for figures in seconds", {
        min: positive(100, "lowest"),
        max: positive(100, "highest"),
        used: positive(100, "used"),
      }),
      core: record(
        "one core",
        {
          sramBytes: integer(1, 2 ** 40, "bytes of SRAM"),
          banks: integer(1, 1024, "banks that the SRAM is made of"),
          systemBytes: integer(0, 2 ** 40, "bytes for stack, run time and tables"),
          codeBytes: integer(0, 2 ** 40, "bytes of code of one loop form"),
          rates: record(
            "elements per cycle that a running vector instruction multiplies and adds, by element type",
            Object.fromEntries(rateTypes.map((type) => [type, rate(type)])),
          ),
          vectorStartup: amount(1e6, "cycles before a vector's first result"),
          fabricStartup: amount(1e6, "cycles before an instruction that sends or receives takes its first word"),
          taskCycles: amount(1e6, "cycles from what a task waits for to its first instruction"),
          slowOpCycles: positive(1e6, "cycles of a division or an exponential"),
          queueWords: integer(1, 65_536, "words that an input or output queue of a core holds"),
        },
        {
          callBytes: integer(
            0,
            2 ** 40,
            "bytes of each further use of a loop form in a core that has it; default codeBytes: nothing is shared",
          ),
        },
      ),
      link: record(
        "a link between neighbouring routers",
        {
          cyclesPerWord: positive(1e6, "cycles that a 32-bit word takes of a link, each way"),
          hopCycles: amount(1e6, "cycles from a router to its neighbour"),
          turnCycles: amount(1e6, "cycles more where a route bends"),
          rampCycles: amount(1e6, "cycles between core and router, each way"),
        },
        {
          seams: record("borders inside the mesh that take longer to cross, such as those between dies", {
            columns: integer(1, maxSide, "a border after every so many columns"),
            rows: integer(1, maxSide, "a border after every so many rows"),
            hopCycles: amount(1e6, "cycles of a hop over such a border"),
          }),
        },
      ),
      colors: record(
        "virtual channels of a router",
        {
          perRouter: integer(1, 65_536, "colors that a router can hold"),
          reserved: { type: "array", items: integer(0, 65_535, "a color"), description: "colors that nobody may use" },
          kernel: integer(0, 65_536, "colors that kernels use inside their rectangles"),
        },
        {
          switchPositions: integer(1, 16, "ways in that may take turns on one color of a router; default 1"),
        },
      ),
      neighbours: record("links to other wafers", {
        bytesPerSecond: positive(1e18, "bytes per second, each way"),
        latencySeconds: amount(1e3, "seconds from wafer to wafer"),
      }),
      memory: record("memory outside the wafer that weights can stream in from", {
        bytes: amount(1e24, "bytes"),
        bytesPerSecond: positive(1e18, "bytes per second"),
      }),
      power: record("watts of the whole system", {
        idle: amount(1e12, "doing nothing"),
        average: amount(1e12, "on average under load"),
        peak: amount(1e12, "at most"),
      }),
      facts: {
        type: "array",
        maxItems: 1_000,
        description: "where the figures come from; what is not listed is taken as assumed",
        items: record("where a figure comes from", {
          field: { type: "string", minLength: 1, maxLength: 100, description: "its path, such as link.hopCycles" },
          basis: { enum: [...bases], description: "how it is known" },
          source: { type: "string", maxLength: 400, description: "where it stands" },
        }),
      },
    },
    {
      deadCores: {
        type: "array",
        maxItems: maxDeadCores,
        items: { type: "array", items: integer(0, maxSide - 1, "column, row"), minItems: 2, maxItems: 2 },
        description: "cores of the fabric that do not work, nor their routers, as [column, row]",
      },
    },
  ),
};
