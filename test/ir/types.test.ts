import { describe, expect, it } from "@jest/globals";
import { opSubject, type ValueType } from "../../ir/graph.ts";
import { TextReader } from "../../ir/text/lexer.ts";
import { parseType } from "../../ir/text/type.ts";
import { acceptsType, coversType, joinTypes, sameType, showType } from "../../ir/types.ts";
import { defined } from "./defined.ts";

const typeOf = (text: string): ValueType => parseType(new TextReader(text));

/** From exact to vague, each standing for what comes before it. */
const chain = ["f32[2,3]", "dynamic f32[2,n]", "dynamic f32[n,m]", "dynamic f32[*]"].map(typeOf);
const others = ["f64[2,3]", "f32[2]", "sequence<f32[2,3]>", "string[2,3]"].map(typeOf);

describe("types in text", () => {
  it.each([
    "f32[]",
    "f4e2m1[0,3]",
    "dynamic i64[2,batch,\"a dim\",\"*\"]",
    "dynamic bool[]",
    "dynamic string[*]",
    "sequence<optional<sequence<dynamic c128[*]>>>",
    "sequence<map<string, f32>>",
  ])("%s reads back", (text) => {
    expect(showType(typeOf(text))).toBe(text);
  }); // prettier-ignore

  it.each(["f32", "f32[*]", "f32[n]", "dynamic f32[*,2]", "sequence<f32[]", "dynamic sequence<f32[]>", "f32[1.5]"])(
    "%s does not",
    (text) => {
      const parse = (): unknown => {
        const reader = new TextReader(text);
        const type = parseType(reader);
        reader.end();
        return type;
      };
      expect(parse).toThrow("WSC2007");
    },
  );
});

describe("acceptance", () => {
  it("goes from exact to vague", () => {
    for (const [i, exact] of chain.entries()) {
      for (const [j, vague] of chain.entries()) {
        if (i <= j) expect(acceptsType(vague, exact)).toBe(true);
      }
    }
    const [exact, ...vague] = chain;
    for (const type of vague) expect(acceptsType(defined(exact), type)).toBe(false);
  });

  it("needs the same kind, element type and rank", () => {
    for (const expected of chain) for (const type of others.slice(0, 1).concat(others.slice(2))) expect(acceptsType(expected, type)).toBe(false); // prettier-ignore
    expect(acceptsType(typeOf("dynamic f32[n,m]"), typeOf("f32[2]"))).toBe(false);
    expect(acceptsType(typeOf("dynamic f32[2,n]"), typeOf("f32[3,3]"))).toBe(false);
    expect(acceptsType(typeOf("sequence<dynamic f32[*]>"), typeOf("sequence<f32[2]>"))).toBe(true);
    expect(acceptsType(typeOf("map<i64, f32>"), typeOf("map<i64, f32>"))).toBe(true);
    expect(acceptsType(typeOf("map<i64, f32>"), typeOf("map<i64, f64>"))).toBe(false);
    expect(acceptsType(typeOf("map<i64, f32>"), typeOf("f32[]"))).toBe(false);
    expect(acceptsType(typeOf("optional<f32[2]>"), typeOf("optional<f32[3]>"))).toBe(false);
  });

  it("lets a value stand for an optional that holds it", () => {
    expect(acceptsType(typeOf("optional<dynamic f32[*]>"), typeOf("f32[2]"))).toBe(true);
    expect(acceptsType(typeOf("f32[2]"), typeOf("optional<f32[2]>"))).toBe(false);
  });
});

describe("cover", () => {
  const covers = (expected: string, actual: string): boolean => coversType(typeOf(expected), typeOf(actual));

  it("takes a name for one size", () => {
    for (const type of [...chain, ...others]) expect(coversType(type, type)).toBe(true);
    expect(covers("dynamic f32[n]", "dynamic f32[m]")).toBe(false);
    expect(covers("dynamic f32[n]", "f32[2]")).toBe(false);
    expect(covers("dynamic f32[n]", "dynamic f32[*]")).toBe(false);
    expect(covers("dynamic f32[*]", "dynamic f32[n]")).toBe(true);
    expect(covers("dynamic f32[*]", "dynamic f64[*]")).toBe(false);
    expect(covers("sequence<dynamic f32[*]>", "sequence<f32[2]>")).toBe(true);
    expect(covers("optional<dynamic f32[*]>", "f32[2]")).toBe(true);
    expect(covers("sequence<f32[2]>", "sequence<dynamic f32[*]>")).toBe(false);
  });
});

describe("join", () => {
  const joined = (a: string, b: string): string | null => {
    const type = joinTypes(typeOf(a), typeOf(b));
    return type === null ? null : showType(type);
  };

  it("covers both sides and is symmetric", () => {
    for (const a of [...chain, ...others]) {
      for (const b of [...chain, ...others]) {
        const type = joinTypes(a, b);
        const back = joinTypes(b, a);
        if (type === null || back === null) expect(type).toBe(back);
        else expect([acceptsType(type, a), acceptsType(type, b), sameType(type, back)]).toEqual([true, true, true]);
      }
    }
  });

  it("keeps what both know", () => {
    expect(joined("f32[2,3]", "f32[2,3]")).toBe("f32[2,3]");
    expect(joined("f32[2,3]", "f32[2,4]")).toBe("dynamic f32[2,d1]");
    expect(joined("f32[2,3]", "f32[2]")).toBe("dynamic f32[*]");
    expect(joined("dynamic f32[n,3]", "dynamic f32[n,3]")).toBe("dynamic f32[n,3]");
    expect(joined("f32[2]", "f64[2]")).toBeNull();
    expect(joined("f32[2]", "sequence<f32[2]>")).toBeNull();
    expect(joined("sequence<f32[2]>", "sequence<f32[3]>")).toBe("sequence<dynamic f32[d0]>");
    expect(joined("f32[2]", "optional<f32[2]>")).toBe("optional<f32[2]>");
  });
});

it("subjects name the first nodes, and long names in part", () => {
  expect(opSubject({ kind: "map", origin: [] })).toBe("map");
  expect(opSubject({ kind: "map", origin: ["a", 'b"\n'] })).toBe('map "a" + "b\\"\\n"');
  expect(opSubject({ kind: "map", origin: ["a", "b", "c", "d", "e"] })).toBe('map "a" + "b" + "c" + 2 more');
  expect(opSubject({ kind: "map", origin: ["x".repeat(1e6)] }).length).toBeLessThan(200);
});
