import { beforeAll, describe, expect, it } from "@jest/globals";
import { place } from "../../compiler/placement/place.ts";
import { reportOfPlacement } from "../../compiler/report/data/of-placement.ts";
import { renderReport } from "../../compiler/report/html.ts";
import { bytes, duration, escapeHtml, number, percent, shorten, visible } from "../../compiler/report/text.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Placement } from "../../ir/placement.ts";
import { chainOf, convSketch, matmulSketch, smallTarget, softmaxSketch } from "../placement/instances.ts";

const hostile = `</title><script>alert("x")</script><img src=x onerror='y'>`;
const target = smallTarget(40, 30);
const plain = chainOf([convSketch(8, 3, 8), matmulSketch(1, 512, 10), softmaxSketch(1, 10)]);
const graph: KernelGraph = {
  ...plain,
  name: hostile,
  kernels: plain.kernels.map((kernel, id) => ({ ...kernel, name: `${hostile}${id}`, origin: [hostile, hostile] })),
  host: [{ op: 9, kind: "if", reason: hostile, origin: [hostile] }],
};

let placement: Placement;
let html = "";
beforeAll(async () => {
  placement = await place(graph, target);
  html = await renderReport([reportOfPlacement({ kernels: graph, placement, target, simulation: null })]);
});

describe("report", () => {
  it("is one page that loads nothing", () => {
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain("default-src 'none'");
    const outside = html.replace(/<script>[^]*?<\/script>/g, "");
    expect(outside).not.toMatch(/(?:src|href)\s*=\s*["']?(?:https?:)?\/\//i);
    expect(outside).not.toMatch(/@import|url\(/);
  });

  it("escapes every name of the model", () => {
    expect(html).not.toContain("<img");
    expect(html).not.toContain(`<script>alert`);
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html).toContain("&lt;/title&gt;&lt;script&gt;");
  });

  it("says the figures and what stays on the host also without scripts", () => {
    const { objective, bound } = placement.certificate;
    const told = /<noscript>[^]*<\/noscript>/.exec(html)?.[0] ?? "";
    expect(told).toContain(`${objective.toLocaleString("en-US")} cycles`);
    expect(told).toContain(bound === objective ? "proven optimal" : bound.toLocaleString("en-US"));
    expect(told).toContain("1 operation stays on the host");
  });

  it("is the same for the same input", async () => {
    expect(await renderReport([reportOfPlacement({ kernels: graph, placement, target, simulation: null })])).toBe(html);
  });

  it("renders a model without kernels", async () => {
    const empty = chainOf([]);
    const nothing = { kernels: empty, placement: await place(empty, target), target, simulation: null };
    expect(await renderReport([reportOfPlacement(nothing)])).toContain("nothing is placed");
  });
});

describe("text", () => {
  it("escapes markup, makes invisible characters visible, and keeps lines", () => {
    expect(escapeHtml(`<a b="c">&'`)).toBe("&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    expect(escapeHtml("a\u202eb\u0000\nc")).toBe("a\\u202eb\\u0000\nc");
    expect(visible("a\nb")).toBe("a\\u000ab");
  });

  it("writes figures as people do", () => {
    expect([number(0), number(1.2345), number(123.4), number(12_345)]).toEqual(["0", "1.23", "123", "12,345"]);
    expect([duration(1.97e-5), duration(2), duration(3e-9)]).toEqual(["19.7 µs", "2 s", "3 ns"]);
    expect([bytes(512), bytes(49_152), bytes(2 ** 30)]).toEqual(["512 B", "48 KiB", "1 GiB"]);
    expect([percent(0), percent(0.0123), percent(0.934)]).toEqual(["0.0%", "1.23%", "93.4%"]);
    expect(shorten("abcdefghij", 5)).toBe("ab…ij");
  });
});
