/** Image files as tensors. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { hostFunctions } from "../../runtime/host/functions.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { isTensor } from "../../runtime/host/value.ts";
import { imageFiles } from "./image-files.ts";

const bytesOf = (file: string): Uint8Array => new Uint8Array(Buffer.from(file, "base64"));
const text = (content: string): Uint8Array => new TextEncoder().encode(content);

function decode(
  bytes: Uint8Array,
  pixelFormat = "RGB",
): { readonly shape: readonly number[]; readonly pixels: Uint8Array } {
  const [result] = hostFunctions.get("imageDecoder")?.([tensorFrom("u8", [bytes.length], [...bytes])], { pixelFormat }) ?? []; // prettier-ignore
  if (result === undefined || !isTensor(result)) throw new Error("no tensor");
  const { shape, elements } = result;
  return { shape, pixels: elements as Uint8Array };
}

const hash = (pixels: Uint8Array): string => createHash("sha256").update(pixels).digest("hex");

describe("imageDecoder", () => {
  it.each(imageFiles)("reads %s", (_, file, expected) => {
    const { shape, pixels } = decode(bytesOf(file));
    expect(shape).toEqual([21, 19, 3]);
    expect(hash(pixels)).toBe(expected);
  });

  it("reads text bitmaps, with comments, in every form that is asked for", () => {
    const file = text("P3 # a comment\n2 1\n# another\n15\n15 0 0  0 15 3\n");
    expect([...decode(file).pixels]).toEqual([255, 0, 0, 0, 255, 51]);
    expect([...decode(file, "BGR").pixels]).toEqual([0, 0, 255, 51, 255, 0]);
    // (19595 r + 38470 g + 7471 b + 32768) >> 16
    expect(decode(file, "Grayscale")).toEqual({ shape: [1, 2, 1], pixels: Uint8Array.of(76, 156) });
    expect([...decode(text("P1\n4 1\n0101"), "Grayscale").pixels]).toEqual([255, 0, 255, 0]);
    expect([...decode(Uint8Array.of(...text("P5 2 1 65535\n"), 0xff, 0xff, 0x80, 0x80), "Grayscale").pixels]).toEqual([255, 128]); // prettier-ignore
  });

  it("reads bitmaps that stand on their feet", () => {
    const flipped = Buffer.from(bytesOf(imageFiles.find(([name]) => name === "bmp")?.[1] ?? ""));
    const upright = decode(flipped).pixels;
    flipped.writeInt32LE(-21, 22);
    const rows = decode(flipped).pixels;
    expect([...rows.subarray(0, 57)]).toEqual([...upright.subarray(20 * 57)]);
  });

  it("gives an empty matrix for what is no image, or a damaged one", () => {
    expect(decode(text("no image")).shape).toEqual([0, 0, 3]);
    expect(decode(new Uint8Array(0), "Grayscale").shape).toEqual([0, 0, 1]);
    expect(decode(text("P6 70000 70000 255\n")).shape).toEqual([0, 0, 3]);
    const png = bytesOf(imageFiles[0]?.[1] ?? "");
    expect(decode(png.subarray(0, png.length - 40)).shape).toEqual([0, 0, 3]);
  });

  it.each([
    ["WebP", "RIFF\0\0\0\0WEBPVP8 "],
    ["JPEG 2000", "\0\0\0\fjP  \r\n"],
  ])("refuses %s by name", (name, start) => {
    expect(() => decode(text(start))).toThrow(`${name} is not supported`);
  });

  it("refuses kinds of a format that it does not read, too", () => {
    const bmp = bytesOf(imageFiles.find(([name]) => name === "bmp rgb")?.[1] ?? "");
    bmp[30] = 1;
    expect(() => decode(bmp)).toThrow("BMP of compression 1 is not supported");
  });

  it("survives any damage", () => {
    const files = fc.constantFrom(...imageFiles.map(([, file]) => file));
    const changes = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(files, changes, fc.nat(2000), (file, edits, cut) => {
        const bytes = bytesOf(file);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const damagedFile = cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
        try {
          const { shape, pixels } = decode(damagedFile);
          expect(pixels.length).toBe(shape.reduce((a, b) => a * b, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(WscError);
        }
      }),
      { numRuns: 150 },
    );
  });
});
