"""The report's style sheet: light and dark by the reader's own setting, nothing loaded from
elsewhere."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6877; --line: #dfe4ea; --page: #f6f7f9;
  --card: #fff; --good: #16794a; --warn: #9a6300; --bad: #b3261e; --mark: #2b62c9; --wash: #eef3fc;
  }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #98a4b3; --line: #2c3542;
  --page: #12161c; --card: #1a2029; --good: #4cc38a; --warn: #e2a336; --bad: #ff8078; --mark:
  #82abff; --wash: #1d2838; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 36px 22px 64px; }
header { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: baseline; }
h1 { font-size: 32px; margin: 0; letter-spacing: -.02em; }
h2 { font-size: 19px; margin: 40px 0 12px; }
p { margin: 6px 0; } .soft { color: var(--soft); } .small { font-size: 13.5px; }
code, pre, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, monospace;
font-size: 13.5px; } .badge { border-radius: 999px; padding: 2px 12px; font-size: 13.5px;
font-weight: 600; border: 1px solid; } .good { color: var(--good); } .warn { color: var(--warn); }
.bad { color: var(--bad); } .facts { display: grid; grid-template-columns: repeat(auto-fit,
minmax(150px, 1fr)); gap: 12px; margin-top: 20px; } .fact, .card { background: var(--card); border:
1px solid var(--line); border-radius: 12px; padding: 12px 16px; } .fact b { display: block;
font-size: 18px; font-weight: 650; line-height: 1.5; }
.fact b.long { font: 600 13px/1.5 ui-monospace, Menlo, monospace; padding: 5px 0;
  overflow-wrap: anywhere; } .fact span { color: var(--soft); font-size: 13.5px; } .cards {
display: grid; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); gap: 14px; } .card h3 {
margin: 0 0 8px; font-size: 16px; display: flex; justify-content: space-between; gap: 8px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } .number { text-align: right; white-space: nowrap;
font-variant-numeric: tabular-nums; } .bar { background: var(--line); border-radius: 3px;
height: 6px; min-width: 70px;
margin-top: 9px; } .bar i { display: block; height: 6px; border-radius: 3px; background:
currentColor; } .spec { padding: 12px 0; } .spec table { font: 13.5px/1.5 ui-monospace, "SF Mono",
Menlo, monospace; } .spec td { border: 0; padding: 0 12px; white-space: pre; }
.spec td:first-child { color: var(--soft); text-align: right; user-select: none; width: 1%; }
.spec tr { background: var(--card); }
.spec td:last-child { position: sticky; right: 0; background: inherit; color: var(--mark);
  text-align: right; width: 1%; }
.spec tr.made { background: var(--wash); } .comment { color: var(--soft); }
.spec .word { color: var(--mark); font-weight: 600; } .spec .number { color: var(--warn); }
.spec .string { color: var(--good); } .spec .sign { color: var(--soft); }
.graph { overflow-x: auto; padding: 20px; } .graph svg { margin: 0 auto; }
.graph .net { --n-paper: var(--card); --n-panel: var(--page); }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px
system-ui, sans-serif; } svg .axis { stroke: var(--line); } svg .limit { stroke: var(--bad);
stroke-dasharray: 5 4; } svg .dot { fill: var(--mark); } svg .wrong { fill: var(--bad); } svg
.curve { fill: none; stroke-width: 2; } svg .c0 { stroke: var(--mark); fill: var(--mark); } svg .c1
{ stroke: var(--warn); fill: var(--warn); } svg .c2 { stroke: var(--good); fill: var(--good); } svg
.c3 { stroke: var(--bad); fill: var(--bad); } svg .curve { fill: none; } ul { margin: 6px 0;
padding-left: 20px; } details > summary { cursor: pointer; color: var(--mark); margin-top: 8px; }
@media (max-width: 600px) { main { padding: 22px 12px 40px; } h1 { font-size: 26px; }
  .facts { grid-template-columns: repeat(2, 1fr); } .cards { grid-template-columns: 1fr; }
  .wide { overflow-x: auto; } .wide svg { min-width: 640px; } .spec td { padding: 0 8px; } }
@media print { main { max-width: none; padding: 0; } .card, .fact { break-inside: avoid; }
  .graph, .spec { break-inside: auto; overflow: visible; } .graph svg { min-width: 0 !important; }
  .spec td { white-space: pre-wrap; } summary { display: none; } }
"""
