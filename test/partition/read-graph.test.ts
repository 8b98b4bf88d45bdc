/** What a wrong operator graph leads to: a code and a sentence. */
import { describe, expect, it } from "@jest/globals";
import { WscError } from "../../ir/diagnostic.ts";
import { parseDeviceGraph } from "../../compiler/partition/device-graph.ts";
import { partition } from "../../compiler/partition/partition.ts";

type Fields = Readonly<Record<string, unknown>>;

const node = (id: number | string, more: Fields = {}): Fields => ({
  id,
  fpgaLatency: 1,
  cpuLatency: 10,
  size: 4,
  ...more,
});
const edge = (sourceId: unknown, destId: unknown, cost: unknown = 1): Fields => ({ sourceId, destId, cost });

const graph = (more: Fields = {}): Fields => ({
  maxFPGAs: 2,
  maxCPUs: 0,
  maxSizePerFPGA: 10,
  nodes: [node(1), node(2), node(3)],
  edges: [edge(1, 2), edge(2, 3)],
  ...more,
});

/** What is said about a graph, without the file's name. */
function complaints(json: unknown): string[] {
  try {
    partition(parseDeviceGraph(json, "g.json"), { rounds: 1 });
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return error.diagnostics.map(({ code, message }) => `${code} ${message}`);
  }
  return [];
}

const range = "must be a number from 0 to 1e+100, not";

describe("operator graphs", () => {
  it("takes a graph that is right", () => {
    expect(complaints(graph())).toEqual([]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ["no object", [], ["WSC2006 an operator graph is an object with nodes and edges"]],
    ["nothing", null, ["WSC2006 an operator graph is an object with nodes and edges"]],
    ["no nodes", graph({ nodes: [], edges: [] }), ["WSC2006 the graph has no nodes"]],
    [
      "nodes that are no list",
      graph({ nodes: { 1: node(1) }, edges: [] }),
      ["WSC2006 nodes must be a list, not an object"],
    ],
    ["a node that is none", graph({ nodes: [7], edges: [] }), ["WSC2006 nodes[0] must be an object, not 7"]],
    [
      "a node without id",
      graph({ nodes: [{}], edges: [] }),
      ["WSC2006 nodes[0].id must be a number or a string, not missing"],
    ],
    ["two nodes of one id", graph({ nodes: [node(1), node(1)], edges: [] }), ["WSC2002 two nodes have the id 1"]],
    [
      "a negative time",
      graph({ nodes: [node(1, { fpgaLatency: -1 })], edges: [] }),
      [`WSC2006 node 1: fpgaLatency ${range} -1`],
    ],
    [
      "a time that is none",
      graph({ nodes: [node(1, { cpuLatency: "5" })], edges: [] }),
      [`WSC2006 node 1: cpuLatency ${range} \\"5\\"`],
    ],
    ["a missing time", graph({ nodes: [{ id: 1, cpuLatency: 1 }], edges: [] }), ["WSC2006 node 1 has no fpgaLatency"]],
    [
      "a time beyond all sums",
      graph({ nodes: [node(1, { fpgaLatency: 1e308 })], edges: [] }),
      [`WSC2006 node 1: fpgaLatency ${range} 1e+308`],
    ],
    ["a negative size", graph({ nodes: [node(1, { size: -4 })], edges: [] }), [`WSC2006 node 1: size ${range} -4`]],
    ["a negative cost", graph({ edges: [edge(1, 2, -1)] }), [`WSC2006 edges[0]: cost ${range} -1`]],
    ["a missing cost", graph({ edges: [{ sourceId: 1, destId: 2 }] }), ["WSC2006 edges[0] has no cost"]],
    ["an edge to nowhere", graph({ edges: [edge(1, 9)] }), ["WSC2001 edges[0].destId is 9, and no node has that id"]],
    [
      "a cycle",
      graph({ edges: [edge(1, 2), edge(2, 3), edge(3, 1)] }),
      ["WSC2003 the edges form a cycle: node 1 -> node 2 -> node 3 -> node 1"],
    ],
    [
      "a node that waits for itself",
      graph({ edges: [edge(2, 2)] }),
      ["WSC2003 the edges form a cycle: node 2 -> node 2"],
    ],
    [
      "devices that are no number",
      graph({ maxFPGAs: "two" }),
      ['WSC2006 maxFPGAs must be a whole number from 0 to 256, not \\"two\\"'],
    ],
    ["half a device", graph({ maxFPGAs: 1.5 }), ["WSC2006 maxFPGAs must be a whole number from 0 to 256, not 1.5"]],
    ["no device", graph({ maxFPGAs: 0 }), ["WSC5002 there is neither an accelerator nor a CPU to place nodes on"]],
    [
      "a node that is too large",
      graph({ maxSizePerFPGA: 3 }),
      ["WSC5002 memory of an accelerator is short by 33.3%: the node takes 4, and maxSizePerFPGA is 3"],
    ],
    [
      "too much for all devices",
      graph({ maxSizePerFPGA: 5 }),
      ["WSC5002 memory of the accelerators is short by 20.0%: the nodes take 12, and 2 accelerators hold 5 each"],
    ],
    [
      "sizes that cannot be packed",
      graph({ maxSizePerFPGA: 7 }),
      [
        "WSC5002 memory of the accelerators is enough in sum, but the sizes of 3 color classes and nodes cannot be packed into 2 accelerators of 7",
      ],
    ],
    [
      "a node that no device runs",
      graph({ nodes: [node(1, { supportedOnFpga: 0 })], edges: [] }),
      ["WSC5002 runs on CPUs only, and there is no CPU"],
    ],
  ])("refuses %s", (_, json, expected) => {
    expect(complaints(json)).toEqual(expected);
  });

  it("says everything that is wrong at once", () => {
    const json = graph({ nodes: [node(1, { size: -1, cpuLatency: null }), node(1)], edges: [edge(1, 5, -2)] });
    expect(complaints(json)).toHaveLength(5);
  });

  it("names a long cycle by its begin", () => {
    const nodes = Array.from({ length: 3_000 }, (_, id) => node(id));
    const edges = nodes.map((_, id) => edge(id, (id + 1) % nodes.length));
    expect(complaints(graph({ nodes, edges }))).toEqual([
      "WSC2003 the edges form a cycle: node 0 -> node 1 -> node 2 -> node 3 -> node 4 -> 2995 more -> node 0",
    ]);
  });

  it("takes hostile ids", () => {
    const nodes = ["__proto__", "constructor", "toString"].map((id) => node(id));
    const json = graph({ nodes, edges: [edge("__proto__", "constructor"), edge("constructor", "toString")] });
    expect(complaints(json)).toEqual([]);
  });
});

describe("numbers of devices", () => {
  const chain = parseDeviceGraph(graph({ maxSizePerFPGA: 100 }), "g.json");
  it("one device takes everything and pays no transfer", () => {
    const { split, certificate } = partition(chain, { accelerators: 1 });
    expect(split).toEqual({ accelerators: [[1, 2, 3]], cpus: [] });
    expect(certificate).toMatchObject({ maxLoad: 3, bound: 3, status: "optimal" });
  });

  it("more devices than nodes leave some empty", () => {
    const { split, certificate } = partition(chain, { accelerators: 7 });
    expect(split.accelerators).toHaveLength(7);
    expect(split.accelerators.flat().toSorted()).toEqual([1, 2, 3]);
    expect(certificate).toMatchObject({ maxLoad: 3, status: "optimal" });
  });
});
