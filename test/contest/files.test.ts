/** Contest files: graphs and placements, read and written. */
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { renderDiagnostic, WscError } from "../../ir/diagnostic.ts";
import { type ContestGraph, readContestGraph } from "../../compiler/contest/kgraph.ts";
import { type ContestPlace, readPaint, writePaint } from "../../compiler/contest/paint.ts";
import { contestInstances } from "../bench/contest-instances.mjs";
import { sharedPath } from "../helpers/shared.ts";
import { contestGraph, sketches } from "./graphs.ts";

const head = "(*\ntest=t\nwidth=9\nheight=9\nwdeltat=1\nwlength=1\nwadapter=0\nmemlimit=100\n*)\n";

function refusal(text: string): string {
  try {
    readContestGraph(text);
  } catch (error) {
    if (error instanceof WscError) return error.diagnostics.map(renderDiagnostic).join("\n");
    throw error;
  }
  return "it is accepted";
}

/** What counts of a graph, whatever the order of its nodes. */
function essence({ kernels, edges, width, height, timeWeight, wireWeight, adapterWeight, memoryLimit }: ContestGraph) {
  const label = (index: number): string => {
    const { type, formal } = kernels[index] as ContestGraph["kernels"][number];
    return `${type} ${formal.slice(0, type === "conv" ? 7 : 3).join(" ")}`;
  };
  return {
    numbers: [width, height, timeWeight, wireWeight, adapterWeight, memoryLimit],
    kernels: kernels.map((_, index) => label(index)).sort(),
    edges: edges.map(({ from, to }) => `${label(from)} -> ${label(to)}`).sort(),
  };
}

describe("contest graphs", () => {
  it("are read whatever their spaces, with the last name of a node", () => {
    const text = `${head}
      input[0] n=[ 1 1 2 ] name='k0'
      conv[ 1] W=4  H = 4 R=3 S=3 C=2 K=5 T=1 U=1 name='a' name='k01'
      dblock[2]   f=8 h=4 w=4 name='k2'
      output[3] n=[1]
      input[0]:_ -> conv[ 1]:x, shape:[4][4][2]
      conv[1]:y\t->\tdblock[ 2]:x, shape:[4][4][5]
      dblock[2]:y -> output[3]:_, shape:[1][1][1]`;
    const graph = readContestGraph(text);
    expect(graph.kernels.map(({ name }) => name)).toEqual(["k01", "k2"]);
    expect(graph.edges).toEqual([{ from: 0, to: 1 }]);
    expect(graph).toMatchObject({ width: 9, height: 9, memoryLimit: 100 });
  });

  it("that are malformed are refused by line", () => {
    const texts = [
      "",
      head.replace("width=9", "width=-9"),
      head.replace("wlength=1", "wlength=many"),
      `${head}what is this`,
      `${head}pool[1] f=2 h=2 w=2`,
      `${head}conv[1] W=4 H=4 R=1 S=1 C=2`,
      `${head}dblock[1] f=0 h=4 w=4`,
      `${head}dblock[1] f=4 h=4 w=4 name='a b'`,
      `${head}dblock[1] f=4 h=4 w=4\ndblock[1] f=4 h=4 w=4`,
      `${head}dblock[1] f=4 h=4 w=4 name='k1'\ndblock[2] f=4 h=4 w=4 name='k01'`,
      `${head}dblock[1] f=4 h=4 w=4\ndblock[1]:y -> dblock[7]:x, shape:[1][1][1]`,
    ];
    expect(texts.map(refusal).join("\n\n") + "\n").toMatchGolden("contest/refusals.txt");
  });

  it("survive any text with diagnostics only", () => {
    const pieces = fc.constantFrom(
      "conv[1]",
      "dblock[1]",
      ":y -> ",
      "W=4 ",
      "f=8 ",
      "h=1e9 ",
      "name='k'",
      "\n",
      "[",
      "(*",
      "=",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
        expect(() => refusal(head + parts.join(""))).not.toThrow();
      }),
    ); // prettier-ignore
  });

  const folder = sharedPath("bench/ispd2020");
  (folder === null ? it.skip : it)("of the contest are the ones that the rules make", () => {
    for (const { id, text } of contestInstances()) {
      const given = readContestGraph(readFileSync(path.join(folder ?? "", `${id}.kgraph`), "utf8"));
      expect({ id, ...essence(readContestGraph(text)) }).toEqual({ id, ...essence(given) });
    }
  });
});

describe("contest placements", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(sketches(4), fc.gen(), (sketch, draw) => {
        const { kernels } = contestGraph(sketch);
        const size = (): number => draw(fc.integer, { min: 1, max: 99 });
        const places = kernels.map(({ convs }): ContestPlace => ({
          execution: { h: size(), w: size(), c: convs.map(size), k: convs.map(size) },
          x: size() - 1,
          y: size() - 1,
          rotated: draw(fc.boolean),
        }));
        expect(readPaint(writePaint(kernels, places), kernels)).toEqual(places);
      }),
    );
  });

  it("that do not fit their graph are refused by kernel", () => {
    const { kernels } = readContestGraph(`${head}dblock[1] f=8 h=4 w=4 name='k1'`);
    const faults = (text: string): string => {
      try {
        readPaint(text, kernels);
      } catch (error) {
        if (error instanceof WscError) return error.diagnostics.map(renderDiagnostic).join("\n");
      }
      return "it is accepted";
    };
    expect(faults("")).toContain("is not cut");
    expect(faults("k1 = dblock( 4 4 8 1 1 1 1 1 1 1 1 )")).toContain("is not placed");
    expect(faults("k1 = dblock( 4 4 9 1 1 1 1 1 1 1 1 )\nk1 : place(0 0 R0)")).toContain("formal arguments");
    expect(faults("k1 = dblock( 4 4 8 1 1 1 1 1 )\nk1 : place(0 0 R0)")).toContain("execution arguments");
    expect(faults("k1 = dblock( 4 4 8 1 1 1 1 1 1 1 1 )\nk1 : place(0 0 R45)")).toContain("R45");
  });
});
