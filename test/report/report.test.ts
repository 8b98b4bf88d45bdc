import { beforeAll, describe, expect, it } from "@jest/globals";
import { place } from "../../compiler/placement/place.ts";
import { renderReport } from "../../compiler/report/html.ts";
import { bytes, duration, escapeHtml, number, percent, shorten } from "../../compiler/report/text.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Placement } from "../../ir/placement.ts";
import { chainOf, convSketch, matmulSketch, smallTarget, softmaxSketch } from "../placement/instances.ts";

const hostile = `</title><script>alert("x")</script><img src=x onerror='y'>`;
const target = smallTarget(40, 30);
const plain = chainOf([convSketch(8, 3, 8), matmulSketch(1, 512, 10), softmaxSketch(1, 10)]);
const graph: KernelGraph = {
  ...plain,
  name: hostile,
  kernels: plain.kernels.map((kernel) => ({ ...kernel, name: hostile, origin: [hostile, hostile] })),
  host: [{ op: 9, kind: "if", reason: hostile, origin: [hostile] }],
};

let placement: Placement;
let html = "";
beforeAll(async () => {
  placement = await place(graph, target);
  html = renderReport({ kernels: graph, placement, target });
});

describe("report", () => {
  it("is one page that loads nothing", () => {
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/(?:src|href)\s*=\s*["']?(?:https?:)?\/\//i);
    expect(html).not.toMatch(/@import|url\(/);
  });

  it("escapes every name of the model", () => {
    expect(html).not.toContain("<img");
    expect(html).not.toContain('alert("x")');
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html).toContain("&lt;/title&gt;&lt;script&gt;");
  });

  it("draws every kernel and lists it, and marks the slowest", () => {
    expect(html.match(/<g class="k /g)).toHaveLength(graph.kernels.length);
    expect(html.match(/<tr id="layer-/g)).toHaveLength(graph.kernels.length);
    expect(html.match(/<tr id="layer-\d+" data-kernel="\d+" class="slow"/g)).toHaveLength(1);
    expect(html.match(/<path d="M/g)).toHaveLength(graph.edges.length);
  });

  it("shows objective, bound and solver, and what stays on the host", () => {
    const { objective, bound, solver } = placement.certificate;
    expect(html).toContain(`${objective.toLocaleString("en-US")} cycles`);
    expect(html).toContain(`${bound.toLocaleString("en-US")} cycles`);
    expect(html).toContain(solver);
    expect(html).toContain("1 operations stay on the host");
  });

  it("is the same for the same input", () => {
    expect(renderReport({ kernels: graph, placement, target })).toBe(html);
  });

  it("renders a model without kernels", async () => {
    const empty = chainOf([]);
    expect(renderReport({ kernels: empty, placement: await place(empty, target), target })).toContain("</html>");
  });
});

describe("text", () => {
  it("escapes markup and makes invisible characters visible", () => {
    expect(escapeHtml(`<a b="c">&'`)).toBe("&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    expect(escapeHtml("a\u202eb\u0000")).toBe("a\\u202eb\\u0000");
  });

  it("writes figures as people do", () => {
    expect([number(0), number(1.2345), number(123.4), number(12_345)]).toEqual(["0", "1.23", "123", "12,345"]);
    expect([duration(1.97e-5), duration(2), duration(3e-9)]).toEqual(["19.7 µs", "2 s", "3 ns"]);
    expect([bytes(512), bytes(49_152), bytes(2 ** 30)]).toEqual(["512 B", "48 KiB", "1 GiB"]);
    expect([percent(0), percent(0.0123), percent(0.934)]).toEqual(["0.0%", "1.23%", "93.4%"]);
    expect(shorten("abcdefghij", 5)).toBe("ab…ij");
  });
});
