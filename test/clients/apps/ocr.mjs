// Text of two pages of different size, by PaddleOCR's models (`@gutenye/ocr-node`). The letters are drawn here, so that no font is needed.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import Ocr from "@gutenye/ocr-node";
import sharp from "sharp";

/** Rows of five dots. */
const glyphs = {
  W: ["10001", "10001", "10001", "10101", "10101", "11011", "10001"],
  A: ["01110", "10001", "10001", "11111", "10001", "10001", "10001"],
  F: ["11111", "10000", "10000", "11110", "10000", "10000", "10000"],
  E: ["11111", "10000", "10000", "11110", "10000", "10000", "11111"],
  R: ["11110", "10001", "10001", "11110", "10100", "10010", "10001"],
  C: ["01111", "10000", "10000", "10000", "10000", "10000", "01111"],
  O: ["01110", "10001", "10001", "10001", "10001", "10001", "01110"],
  2: ["01110", "10001", "00001", "00110", "01000", "10000", "11111"],
  4: ["00010", "00110", "01010", "10010", "11111", "00010", "00010"],
  8: ["01110", "10001", "10001", "01110", "10001", "10001", "01110"],
};

const dot = 5;

/** A white page with lines of letters in black, slightly blurred. */
async function draw(lines, width, height, file) {
  const pixels = Buffer.alloc(width * height, 255);
  for (const [row, line] of lines.entries()) {
    for (const [place, letter] of [...line].entries()) {
      for (const [y, dots] of (glyphs[letter] ?? []).entries()) {
        for (const [x, set] of [...dots].entries()) {
          if (set !== "1") continue;
          const [left, top] = [40 + place * 7 * dot + x * dot, 40 + row * 12 * dot + y * dot];
          for (let i = 0; i < dot; i++) pixels.fill(0, (top + i) * width + left, (top + i) * width + left + dot);
        }
      }
    }
  }
  await sharp(pixels, { raw: { width, height, channels: 1 } })
    .blur(1.2)
    .png()
    .toFile(file);
}

const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-ocr-"));
try {
  const ocr = await Ocr.create();
  const pages = [];
  for (const [index, [lines, width, height]] of [
    [["WAFER 248", "CORE"], 480, 200],
    [["ROW 84", "FACE", "WEAR 2"], 352, 288],
  ].entries()) {
    const file = path.join(folder, `${index}.png`);
    await draw(lines, width, height, file);
    pages.push((await ocr.detect(file)).map(({ text, mean }) => ({ text, mean })));
  }
  console.log(JSON.stringify(pages));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
