#pragma once
#include <string_view>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::report::charts {

/// Rules for a page with charts. The colours of series are those of Okabe and Ito (2008), which readers with any colour vision
/// can tell apart, a little darker on white and lighter on black.
inline constexpr std::string_view chart_style = R"(:root {
  --ink: #1b2430; --quiet: #566273; --page: #ffffff; --raised: #f5f7f9; --edge: #d5dbe2; --grid: #e6eaee; --link: #0b5cad;
  --s0: #0072b2; --s1: #c44e00; --s2: #00845f; --s3: #b5568f; --s4: #20262e; --s5: #8b96a3;
  --added: #d8f3e3; --added-ink: #0b5a3a; --removed: #fbe3dc; --removed-ink: #8f2f10; --warning: #fff6e0;
  --warning-edge: #e0a100;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7ebf0; --quiet: #9dabbb; --page: #12161b; --raised: #1a2027; --edge: #323c48; --grid: #262f39; --link: #7db8f5;
    --s0: #56b4e9; --s1: #ff8f4d; --s2: #3fcf9f; --s3: #e394c4; --s4: #f2f4f7; --s5: #8794a3;
    --added: #12382a; --added-ink: #8ee6bd; --removed: #46211a; --removed-ink: #ffb49c; --warning: #2c2410;
  --warning-edge: #b98600;
  }
}
.s0 { --c: var(--s0) } .s1 { --c: var(--s1) } .s2 { --c: var(--s2) } .s3 { --c: var(--s3) } .s4 { --c: var(--s4) }
.s5 { --c: var(--s5) }
.chart { display: block; max-width: 100%; height: auto; font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
.chart text { font-size: 12px; fill: var(--ink); stroke: var(--page); stroke-width: 3px; paint-order: stroke }
.chart .tick, .chart .axis-title, .chart .note { fill: var(--quiet) }
.chart .small { font-size: 11px }
.chart .strong { font-weight: 600 }
.chart .end { text-anchor: end } .chart .middle { text-anchor: middle }
.chart .grid, .chart .axis, .chart .reference, .chart .line, .chart .rug, .chart .cloud, .chart .edge { fill: none }
.chart .grid { stroke: var(--grid) } .chart .axis { stroke: var(--quiet) }
.chart .reference { stroke: var(--quiet); stroke-dasharray: 4 4 }
.chart .edge { stroke: var(--edge); stroke-width: 1.5 }
.chart .line { stroke: var(--c); stroke-width: 2; stroke-linejoin: round }
.chart .area { fill: var(--c); fill-opacity: .15 }
.chart .cloud { stroke: var(--c); stroke-width: 5; stroke-linecap: round; stroke-opacity: .45 }
.chart .rug { stroke: var(--c); stroke-opacity: .6 }
.chart .marker { fill: var(--c); stroke: var(--page); stroke-width: 1 }
.chart .seed { fill: var(--c); fill-opacity: .55 }
.chart .interval { stroke: var(--c); stroke-width: 2.5; fill: none }
.chart.key { display: inline-block; vertical-align: -1px; margin-right: 5px }
.legend { list-style: none; padding: 0; margin: 0 0 .4rem; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem;
  font-size: .875rem; color: var(--quiet) }
)";

}  // namespace genoform::inner::report::charts
