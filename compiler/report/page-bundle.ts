/**
 * Script and style of the report's page. In dist/ the build puts a file with both in this one's place, so that reports are written by what needs neither
 * files nor a bundler; run from sources the page is bundled when it is first asked for.
 */
import { bundlePage, type PageBundle } from "../../scripts/bundle-page.mjs";

let made: Promise<PageBundle> | null = null;

export function pageBundle(): Promise<PageBundle> {
  made ??= bundlePage();
  return made;
}
