#pragma once
#include <string_view>

namespace genoform::search::html {

/// Rules of the page beside those of its charts.
inline constexpr std::string_view page_style = R"(* { box-sizing: border-box }
body { margin: 0 auto; max-width: 820px; padding: 1.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .5rem 0 .75rem }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .75rem; padding-top: .9rem; border-top: 1px solid var(--edge) }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem }
p { margin: .6rem 0 } a { color: var(--link) }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: .6rem 1.25rem;
  margin: 0 0 1.25rem; font-size: .9rem }
.facts dt { color: var(--quiet); font-size: .8rem } .facts dd { margin: 0 }
.claim { font-size: 1.1rem; background: var(--raised); border-left: 4px solid var(--s0); padding: .9rem 1.1rem;
  border-radius: 0 8px 8px 0 }
.warnings { background: var(--warning); border-left: 4px solid var(--warning-edge); border-radius: 0 8px 8px 0;
  margin: 1rem 0; padding: .7rem 1.1rem .7rem 2.2rem }
.warnings li + li { margin-top: .35rem }
nav { font-size: .9rem; margin: 1.25rem 0 }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem }
figure { margin: 1rem 0 } figcaption { color: var(--quiet); font-size: .875rem; margin-top: .5rem }
.on-narrow { display: none }
.scroll { overflow-x: auto }
.scroll:focus-visible, pre:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
table { border-collapse: collapse; font-size: .875rem; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--quiet); padding: .4rem 0 }
th, td { padding: .35rem .9rem .35rem 0; text-align: left; border-bottom: 1px solid var(--edge); white-space: nowrap;
  font-weight: 400 }
thead th { color: var(--quiet); font-size: .8rem } .number { text-align: right }
code, pre { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; font-size: .84rem }
pre { background: var(--raised); border: 1px solid var(--edge); border-radius: 8px; padding: .8rem 1rem; margin: .8rem 0;
  white-space: pre-wrap;
  overflow-wrap: anywhere; -webkit-user-select: all; user-select: all }
.chain { padding-left: 1.4rem } .chain li { margin: .55rem 0; font-size: .9rem } .chain code { overflow-wrap: anywhere }
ins, del { border-radius: 3px; padding: 0 2px }
ins { background: var(--added); color: var(--added-ink); text-decoration: none }
del { background: var(--removed); color: var(--removed-ink) }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1.1rem 1.25rem }
.panel { min-width: 0 }
.panel-title { font-size: .8rem; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.panel-title span { display: block; color: var(--quiet); font-weight: 400 }
.panel .chart { width: 100% }
.chart .front { fill: none; stroke: var(--quiet); stroke-width: 1.5 }
.chart .ancestor { fill: var(--page); stroke: var(--quiet); stroke-width: 1.5 }
.drawing { border: 1px solid var(--edge); border-radius: 8px }
.drawing svg { display: block; width: 100%; min-width: 680px; height: auto }
footer { margin-top: 3rem; color: var(--quiet); font-size: .85rem }
@media (max-width: 700px) {
  body { padding: 1rem 1rem 3rem } h1 { font-size: 1.5rem } .on-wide { display: none } .on-narrow { display: block }
  .panels, .facts { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) }
}
@media print { pre { white-space: pre-wrap } .scroll { overflow: visible } section { break-inside: avoid } }
)";

}  // namespace genoform::search::html
