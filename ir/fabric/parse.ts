/** Reads the text form of a fabric program (ir/fabric/print.ts). */
import { namedInteger } from "../kernel-graph-text.ts";
import { sramCategories } from "../machine/cost.ts";
import { type DeadLink, linkDirections } from "../placement.ts";
import { parseExpr } from "../text/expr.ts";
import { parseDeadLink } from "../text/dead-link.ts";
import { TextReader } from "../text/lexer.ts";
import { parsePoint } from "../text/point.ts";
import {
  combiners,
  type CoreSet,
  type EdgeStream,
  type Elements,
  type Endpoint,
  fabricVersion,
  type FabricProgram,
  type FabricTarget,
  type Landing,
  type Load,
  type LoadSource,
  type Lookup,
  type Operand,
  type Operation,
  type Port,
  ports,
  type Position,
  type Region,
  type Role,
  type RouterRule,
  type Step,
  type Strided,
  stridedCount,
  syncKinds,
  type Task,
} from "./program.ts";

/** Reads a program; throws WSC2007 on malformed text. Whether it is legal the verifier says. */
export function parseFabric(text: string): FabricProgram {
  const reader = new TextReader(text);
  reader.expect("fabric");
  const name = reader.string();
  const version = namedInteger(reader, "version");
  if (version !== fabricVersion) throw reader.unexpected(`version ${fabricVersion}`);
  reader.expect("{");
  const target = parseTarget(reader);
  const layers: string[] = [];
  const roles: Role[] = [];
  const routers: RouterRule[] = [];
  const loads: Load[] = [];
  const edges: EdgeStream[] = [];
  while (!reader.accept("}")) {
    switch (reader.oneOf(["layer", "role", "route", "load", "input", "output"])) {
      case "layer":
        layers.push(reader.string());
        break;
      case "role":
        roles.push(parseRole(reader));
        break;
      case "route":
        routers.push(parseRule(reader));
        break;
      case "load":
        loads.push(parseLoad(reader));
        break;
      case "input":
        edges.push(parseEdge(reader, "input"));
        break;
      case "output":
        edges.push(parseEdge(reader, "output"));
        break;
    }
  }
  reader.end();
  return { version: fabricVersion, name, target, layers, roles, routers, loads, edges };
}

function parseTarget(reader: TextReader): FabricTarget {
  reader.expect("target");
  const name = reader.string();
  reader.expect("fabric");
  const width = reader.integer("columns", 1);
  reader.expect("x");
  const height = reader.integer("rows", 1);
  const sramBytes = namedInteger(reader, "sram");
  const colorsPerRouter = namedInteger(reader, "colors");
  reader.expect("reserved");
  const reservedColors = integers(reader);
  const deadCores: { x: number; y: number }[] = [];
  const deadLinks: DeadLink[] = [];
  while (reader.accept("dead")) {
    if (reader.accept("link")) deadLinks.push(parseDeadLink(reader));
    else deadCores.push(parsePoint(reader));
  }
  const all = { name, width, height, sramBytes, colorsPerRouter, reservedColors, deadCores };
  return deadLinks.length === 0 ? all : { ...all, deadLinks };
}

const integers = (reader: TextReader): number[] => reader.list("[", "]", () => reader.integer());

function parseSet(reader: TextReader): CoreSet {
  const at = parsePoint(reader);
  if (reader.peek().kind !== "number") return { ...at, columns: 1, rows: 1, stepX: 1, stepY: 1 };
  const [columns, rows] = parsePair(reader);
  const [stepX, stepY] = reader.accept("step") ? parsePair(reader) : [1, 1];
  return { ...at, columns, rows, stepX, stepY };
}

function parsePair(reader: TextReader): [number, number] {
  const first = reader.integer("a number", 1);
  reader.expect("x");
  return [first, reader.integer("a number", 1)];
}

const parseSets = (reader: TextReader): CoreSet[] => reader.list("[", "]", () => parseSet(reader));

function parseRole(reader: TextReader): Role {
  const name = reader.word("a role's name");
  reader.expect("layer");
  const layer = reader.integer("a layer", 0);
  reader.expect("at");
  const cores = parseSets(reader);
  reader.expect("{");
  const regions: Region[] = [];
  while (reader.accept("region")) regions.push(parseRegion(reader));
  const tasks: Task[] = [];
  while (reader.accept("task")) tasks.push(parseTask(reader));
  reader.expect("}");
  return { name, layer, cores, regions, tasks };
}

function parseRegion(reader: TextReader): Region {
  return {
    name: reader.word("a region's name"),
    address: namedInteger(reader, "address"),
    words: namedInteger(reader, "words"),
    slots: namedInteger(reader, "slots", 1),
    writers: namedInteger(reader, "writers"),
    readers: namedInteger(reader, "readers"),
    category: reader.oneOf(sramCategories),
  };
}

function parseTask(reader: TextReader): Task {
  const name = reader.word("a task's name");
  reader.expect("{");
  const steps: Step[] = [];
  while (!reader.accept("}")) steps.push(parseStep(reader));
  return { name, steps };
}

function parseEnd(reader: TextReader): Endpoint {
  reader.expect("color");
  const color = reader.integer("a color", 0);
  reader.expect("queue");
  return { color, queue: reader.integer("a queue", 0) };
}

function parseDims(reader: TextReader): { readonly sizes: readonly number[]; readonly strides: readonly number[] } {
  const dims = reader.list("[", "]", () => {
    const size = reader.integer("a size", 1);
    reader.expect(":");
    return { size, stride: reader.integer("a stride") };
  });
  return { sizes: dims.map(({ size }) => size), strides: dims.map(({ stride }) => stride) };
}

function parseStrided(reader: TextReader): Strided {
  const region = reader.word("a region");
  const offset = reader.integer("an offset", 0);
  return { region, offset, ...parseDims(reader) };
}

function parseLanding(reader: TextReader): Landing {
  if (reader.accept("drop")) return { words: reader.integer("words", 1), into: null };
  const into = parseStrided(reader);
  return { words: stridedCount(into.sizes), into };
}

function parseOperand(reader: TextReader): Operand {
  const region = reader.word("a region");
  const offset = reader.integer("an offset");
  return { region, offset, strides: integers(reader) };
}

function parseOperation(reader: TextReader): Operation {
  switch (reader.oneOf(["multiplyAdd", "combine", "map", "lookup"])) {
    case "multiplyAdd":
      return { kind: "multiplyAdd" };
    case "combine":
      return { kind: "combine", with: reader.oneOf(combiners) };
    case "map":
      return { kind: "map", expr: parseExpr(reader) };
    case "lookup":
      return parseLookup(reader);
  }
}

function parseLookup(reader: TextReader): Lookup {
  reader.expect("rows");
  const first = reader.integer("a row", 0);
  reader.expect("+");
  const rows = reader.integer("rows", 0);
  reader.expect("of");
  const size = reader.integer("rows", 0);
  reader.expect("every");
  return { kind: "lookup", first, rows, size, stride: reader.integer("words", 0) };
}

function parseStep(reader: TextReader): Step {
  const kind = reader.oneOf([...syncKinds, "receive", "send", "reduce", "fill", "compute"]);
  switch (kind) {
    case "claim":
    case "publish":
    case "take":
    case "free":
      return { kind, region: reader.word("a region") };
    case "receive": {
      const from = parseEnd(reader);
      reader.expect("into");
      return { kind, from, into: reader.list("[", "]", () => parseLanding(reader)) };
    }
    case "send": {
      const words = reader.list("[", "]", () => parseStrided(reader));
      reader.expect("to");
      return { kind, to: parseEnd(reader), words };
    }
    case "reduce": {
      const how = reader.oneOf(combiners);
      const from = parseEnd(reader);
      reader.expect("own");
      const own = parseStrided(reader);
      return { kind, with: how, from, own, to: reader.accept("to") ? parseEnd(reader) : null };
    }
    case "fill": {
      const into = parseStrided(reader);
      reader.expect("with");
      return { kind, into, value: reader.number() };
    }
    case "compute":
      return parseCompute(reader);
  }
}

function parseCompute(reader: TextReader): Step {
  const begins = reader.accept("begin");
  const operation = parseOperation(reader);
  reader.expect("over");
  const sizes = integers(reader);
  reader.expect("vector");
  const vector = reader.integer("a loop", 0);
  reader.expect("out");
  const out = parseOperand(reader);
  reader.expect("args");
  return {
    kind: "compute",
    operation,
    begins,
    sizes,
    vector,
    out,
    args: reader.list("[", "]", () => parseOperand(reader)),
  };
}

function parseRule(reader: TextReader): RouterRule {
  reader.expect("color");
  const color = reader.integer("a color", 0);
  reader.expect("at");
  const cores = parseSets(reader);
  let filter: RouterRule["filter"] = null;
  if (reader.accept("filter")) {
    const begin = reader.integer("a word", 0);
    reader.expect("+");
    const count = reader.integer("words", 0);
    reader.expect("of");
    filter = { begin, count, period: reader.integer("words", 1) };
  }
  reader.expect("{");
  const positions: Position[] = [];
  do positions.push(parsePosition(reader));
  while (reader.accept(";"));
  reader.expect("}");
  return { color, cores, positions, filter };
}

function parsePosition(reader: TextReader): Position {
  const from: Port = reader.oneOf(ports);
  reader.expect("->");
  const to: Port[] = [];
  do to.push(reader.oneOf(ports));
  while (reader.accept(","));
  return { from, to, words: reader.accept("for") ? reader.integer("words", 1) : null };
}

function parseElements(reader: TextReader): Elements[] {
  return reader.list("[", "]", () => ({ offset: reader.integer("an offset", 0), ...parseDims(reader) }));
}

function parseLoad(reader: TextReader): Load {
  const at = parsePoint(reader);
  const region = reader.word("a region");
  reader.expect("+");
  const word = reader.integer("a word", 0);
  return { ...at, region, at: word, from: parseSource(reader), elements: parseElements(reader) };
}

const parseSource = (reader: TextReader): LoadSource =>
  reader.oneOf(["value", "past"]) === "value"
    ? { kind: "constant", value: reader.integer("a value", 0) }
    : { kind: "past", name: reader.string() };

function parseEdge(reader: TextReader, kind: EdgeStream["kind"]): EdgeStream {
  const name = reader.string();
  reader.expect("at");
  const at = parsePoint(reader);
  const side = reader.oneOf(linkDirections);
  reader.expect("color");
  const color = reader.integer("a color", 0);
  return { kind, name, ...at, side, color, elements: parseElements(reader) };
}
