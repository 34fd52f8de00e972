/** The look of a report's page: one column of cards, light and dark, without anything from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #17202c; --soft: #5b6675; --line: #dfe4ea; --good: #117a4b; --bad: #c02536; --doubt: #8a5a00;
  --s0: #2f6fed; --s1: #d9770c; --s2: #7a5bd1; --s3: #0f9d7a; --s4: #c2417c; --s5: #64748b; --s6: #a16207; --s7: #0891b2 }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f141a; --card: #171e27; --ink: #e6ebf1; --soft: #97a3b2; --line: #2a3441; --good: #4cc38a; --bad: #ff7b85; --doubt: #e5b454;
  --s0: #6ea0ff; --s1: #f5a04a; --s2: #b09af0; --s3: #4fd1ae; --s4: #f08ab6; --s5: #94a3b8; --s6: #d8b04a; --s7: #5cc8de } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin-bottom: 1rem }
h1 { font-size: 1.5rem; margin: 0; letter-spacing: -.01em } h2 { font-size: 1rem; margin: 0 0 .75rem }
h2 small { font-weight: 400; color: var(--soft) }
header p { margin: 0; color: var(--soft); flex-basis: 100% }
.verdict { font-weight: 600; border-radius: 99px; padding: .1rem .7rem; border: 1px solid currentColor; font-size: .85rem }
.good { color: var(--good) } .bad { color: var(--bad) } .doubt { color: var(--doubt) }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 0 0 1rem; overflow-x: auto }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 0 0 1rem }
.figures > div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem }
.figures dt { color: var(--soft); font-size: .85rem } .figures dd { margin: 0; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3 }
.figures dd span { font-size: .85rem; font-weight: 400; color: var(--soft) } .figures small { display: block; min-height: 1.2em } .figures small:not([class]) { color: var(--soft) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap }
th { font-weight: 600; color: var(--soft); font-size: .85rem } tr:last-child td { border-bottom: 0 } td:first-child { color: var(--soft) }
ul { margin: 0; padding-left: 1.2rem } li + li { margin-top: .2rem }
svg { display: block; width: 100%; height: auto } svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--soft) } svg .value { fill: var(--ink) }
.grid { stroke: var(--line); stroke-width: 1 } .mark { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 3 3 } .limit { stroke: var(--bad); stroke-width: 1.5 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .25rem 0 .5rem; color: var(--soft); font-size: .85rem }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .4rem; vertical-align: -.1rem }
.ratio { display: flex; align-items: center; gap: .75rem; margin: .35rem 0 } .ratio > span:first-child { flex: 0 0 11rem } .ratio b { flex: 0 0 12rem; font-weight: 600 }
.meter { flex: 1; min-width: 8rem; height: .7rem; background: var(--line); border-radius: 99px; position: relative; overflow: hidden } .meter i { position: absolute; inset: 0 auto 0 0; background: var(--s0); border-radius: 99px }
details summary { cursor: pointer; color: var(--soft) } pre { font-size: 12px; line-height: 1.45; overflow-x: auto; margin: .75rem 0 0 }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.25rem; margin: 0 } .facts dt { color: var(--soft) } .facts dd { margin: 0 }
`;
