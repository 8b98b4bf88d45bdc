/** Bundles the report's page, from its sources, into one script and one style sheet that stand inside an HTML file. */
import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../compiler/report/page/", import.meta.url));

/** Script and style as texts; neither can end the element that it stands in. */
export async function bundlePage() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [`${page}main.tsx`, `${page}style.css`],
    bundle: true,
    minify: true,
    write: false,
    outdir: "out",
    format: "iife",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
  });
  const textOf = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text.trim();
  return { script: textOf(".js").replaceAll("</script", "<\\/script"), style: textOf(".css") };
}
