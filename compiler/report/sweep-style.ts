/** The style sheet of a sweep's page: two colour schemes, one set of rules, nothing loaded from elsewhere. */

const light =
  "--page:#f7f7f5;--card:#fff;--ink:#16181d;--soft:#5b616e;--line:#e3e3de;--faint:#f0f0ec;--accent:#c2410c;";
const dark =
  "--page:#0e1014;--card:#16191f;--ink:#eceef2;--soft:#9aa1ae;--line:#272b34;--faint:#1c2028;--accent:#fb923c;";

export const sweepStyle: string = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.2;letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}
h2{font-size:15px;letter-spacing:-.005em;margin:0 0 14px}
p{margin:0 0 8px}
.lead{color:var(--soft);margin:6px 0 24px;max-width:76ch}
.lead b{color:var(--ink);font-weight:600}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.toolbar{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;justify-content:space-between;margin-bottom:12px}
.toolbar h2{margin:0}
.scroll{overflow-x:auto;margin:0 -18px -16px;padding:0 18px 16px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{font-weight:500;color:var(--soft);text-align:left;font-size:12.5px;position:sticky;top:0;background:var(--card)}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tbody tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}
tr.on td{background:var(--faint)}
@media print{body{background:#fff}.card{break-inside:avoid}}
main>.card{margin-bottom:16px}
.soft{color:var(--soft);font-size:13px}
#axes{display:flex;flex-wrap:wrap;gap:10px 24px}
#axes fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:2px 10px;font-size:13px;max-width:100%}
#axes legend{color:var(--soft);font-size:12.5px;padding:0}
#chart{overflow-x:auto}
svg.sweep{display:block;width:100%;min-width:600px;height:auto}
td.reason:not(:empty){min-width:40ch}
.sweep circle{fill:var(--soft);fill-opacity:.45}
.sweep circle.front{fill:var(--accent);fill-opacity:1}
.sweep circle.on{stroke:var(--ink);stroke-width:2}
.sweep path{fill:none;stroke:var(--accent);stroke-width:1.5}
.sweep line{stroke:var(--line)}
.sweep text{fill:var(--soft);font-size:13px}
a{color:var(--accent)}
#points th button{all:unset;cursor:pointer}
#points th button:focus-visible,a:focus-visible circle{outline:2px solid var(--accent);outline-offset:2px}
#points th[aria-sort] button{color:var(--ink)}
#points th[aria-sort=ascending] button::after{content:" \\2191"}
#points th[aria-sort=descending] button::after{content:" \\2193"}
table.binds td.n{background:color-mix(in oklch,var(--accent) calc(var(--share)*55%),transparent)}
`.trim();
