/** An HTML file that needs nothing else: its policy lets it load nothing, its data stands in it as JSON beside the one script that reads it. */
import { escapeHtml } from "./text.ts";

const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** JSON that ends no script element, whatever its strings hold. */
const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

export interface DocumentParts {
  /** as text; the other texts are markup, style and script as they are */
  readonly title: string;
  readonly style: string;
  readonly body: string;
  /** what the script finds in the element `data` */
  readonly data: unknown;
  readonly script: string;
}

/** A complete document; the same parts give the same bytes. */
export const htmlDocument = ({ title, style, body, data, script }: DocumentParts): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${script}</script>
</body>
</html>
`;
