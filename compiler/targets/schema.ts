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
      core: record("one core", {
        sramBytes: integer(1, 2 ** 40, "bytes of SRAM"),
        systemBytes: integer(0, 2 ** 40, "bytes for stack, run time and tables"),
        codeBytes: integer(0, 2 ** 40, "bytes of code of one kernel's loop"),
        fmaPerCycle: record("multiply-adds per cycle at the peak, by element type", {
          f32: positive(1e6, "float32"),
          f16: positive(1e6, "float16"),
          bf16: positive(1e6, "bfloat16"),
          i8: positive(1e6, "8-bit integers"),
          other: positive(1e6, "every other type"),
        }),
        efficiency: { ...positive(1, "share of the peak inside a vector instruction") },
        vectorStartup: {
          type: "number",
          minimum: 0,
          maximum: 1e6,
          description: "cycles before a vector's first result",
        },
        slowOpCycles: positive(1e6, "cycles of a division or an exponential"),
      }),
      link: record("a link between neighbouring routers", {
        wordsPerCycle: positive(1e6, "32-bit words per direction and cycle"),
        rampLatency: { type: "number", minimum: 0, maximum: 1e6, description: "cycles between core and router" },
      }),
      colors: record("virtual channels of a router", {
        perRouter: integer(1, 65_536, "colors that a router can hold"),
        reserved: { type: "array", items: integer(0, 65_535, "a color"), description: "colors that nobody may use" },
        kernel: integer(0, 65_536, "colors that kernels use inside their rectangles"),
      }),
      sources: { type: "array", items: { type: "string" }, description: "where the figures come from" },
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
