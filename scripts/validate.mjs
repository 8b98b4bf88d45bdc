// Compares the cost model with published measurements and says whether the pages that show it are those of today: exit 1 when they are not.
//   npm run validate              the summary
//   npm run validate -- -u        writes what docs/validation.md and README.md hold between their marks
//   npm run validate -- --fit     fits the constants of the laws once more, beside those in the code
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fittedConstants } from "../dist/compiler/validate/constants.js";
import { summaryText, validationPage } from "../dist/compiler/validate/page.js";

const accepts = process.argv.includes("-u");

/** What stands between the marks of each page. */
const pages = [
  { file: "docs/validation.md", text: validationPage },
  { file: "README.md", text: summaryText },
];

const [from, to] = ["<!-- validation: written by npm run validate -- -u -->", "<!-- end of validation -->"];

/** A page with what is between its marks replaced. */
function withSection(page, text) {
  const [start, end] = [page.indexOf(from), page.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`there are no marks ${from} ... ${to}`);
  return `${page.slice(0, start + from.length)}\n\n${text}\n\n${page.slice(end)}`;
}

if (process.argv.includes("--fit")) {
  for (const { name, rows, used, fitted } of fittedConstants()) {
    console.log(`${name}: ${fitted.toPrecision(4)} (in the code ${used.toPrecision(4)}; ${rows})`);
  }
} else {
  console.log(summaryText());
  for (const { file, text } of pages) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const page = readFileSync(path, "utf8");
    const now = withSection(page, text());
    if (now === page) continue;
    if (accepts) writeFileSync(path, now);
    else {
      console.error(`${file} shows other figures: npm run validate -- -u`);
      process.exitCode = 1;
    }
  }
}
