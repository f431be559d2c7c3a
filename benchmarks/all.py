"""Every claim about speed, measured in one run and held against its goal.

Run it with ``python -m benchmarks.all``; ``--quick`` takes two minutes and is not for
quoting. It prints a table and writes one page, ``benchmarks.html``, which shows the
processor, the load of the machine, each figure beside its goal, and plots. It ends with
exit code 1 when a goal is missed.

The page holds figures of one machine in one run: compare ratios, not microseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jinja2

from benchmarks.goals import GOALS, PEERS, RUNS

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Benchmarks of payermax_async</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  :root { color-scheme: light dark; --bar: #2f6fd0; --met: #1a7f37; --missed: #b35900 }
  @media (prefers-color-scheme: dark) {
    :root { --bar: #6ea2f0; --met: #4cc36d; --missed: #f0a04b } }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
         padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
  td.n { text-align: right; font-variant-numeric: tabular-nums }
  .met { color: var(--met) } .missed { color: var(--missed); font-weight: 600 }
  svg { width: 100%; height: auto } svg text { font: 13px system-ui, sans-serif;
         fill: currentColor } svg rect { fill: var(--bar) }
</style>
<h1>Benchmarks</h1>
<p>{{ machine }}. Load before the run: {{ load }}.
{%- if quick %} <strong>A quick look, not for quoting.</strong>{% endif %}</p>
{% for part in parts %}
<h2>{{ part.what }}</h2>
<p><code>python -m benchmarks.{{ part.module }}</code></p>
{% if part.bars %}
<svg viewBox="0 0 760 {{ part.bars|length * 30 + 8 }}" role="img"
     aria-label="{{ part.what }}">
{% for bar in part.bars %}
<text x="270" y="{{ loop.index0 * 30 + 21 }}" text-anchor="end">{{ bar.name }}</text>
<rect x="280" y="{{ loop.index0 * 30 + 6 }}" width="{{ bar.width }}" height="20"/>
<text x="{{ 288 + bar.width }}" y="{{ loop.index0 * 30 + 21 }}">{{ bar.value }}</text>
{% endfor %}</svg>
{% endif %}
{% if part.rows %}
<table><tr><th>figure<th>measured<th>goal<th></tr>
{% for row in part.rows %}
<tr><td>{{ row.name }}<td class="n">{{ row.value }}<td>{{ row.goal }}
<td class="{{ row.verdict }}">{{ row.verdict }}</tr>
{% endfor %}</table>
{% endif %}
{% endfor %}
</html>
"""


def machine() -> str:
    """Which processor it is, and whether RSA is quick on it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        told = ""
    names = [
        line.partition(":")[2] for line in told.splitlines() if "model name" in line
    ]
    name = names[0].strip() if names else platform.processor() or platform.machine()
    quick = "with" if "avx512ifma" in told else "without"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "?"
    return (
        f"{name}, {cores} cores for this run, {quick} AVX-512 IFMA; "
        f"Python {platform.python_version()}"
    )


def part_of(module: str, what: str, found: Mapping[str, float]) -> dict[str, object]:
    """What the page shows of one benchmark."""
    rates = {
        name.removeprefix(PEERS): value
        for name, value in found.items()
        if name.startswith(PEERS)
    }
    longest = max(rates.values(), default=1.0)
    rows = [
        {
            "name": name,
            "value": f"{value:.2f}",
            "goal": str(GOALS[name]) if name in GOALS else "",
            "verdict": verdict(name, value),
        }
        for name, value in found.items()
        if not name.startswith(PEERS)
    ]
    bars = [
        {"name": name, "value": f"{rate:.0f}/s", "width": round(rate / longest * 400)}
        for name, rate in sorted(rates.items(), key=lambda one: one[1])
    ]
    return {"module": module, "what": what.capitalize(), "bars": bars, "rows": rows}


def verdict(name: str, value: float) -> str:
    """In a word; empty where there is no goal."""
    if name not in GOALS:
        return ""
    return "met" if GOALS[name].is_met(value) else "missed"


def figures(module: str, words: tuple[str, ...]) -> dict[str, float]:
    """What a benchmark measures, in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure all, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a first look")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.html"))
    given = parser.parse_args()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{machine()}\nload before the run: {load}", flush=True)
    parts: list[dict[str, object]] = []
    missed = 0
    for run in RUNS:
        print(f"\n{run.what}", flush=True)
        found = figures(run.module, run.quick if given.quick else ())
        for name, value in found.items():
            word = verdict(name, value)
            missed += word == "missed"
            goal = f"   {GOALS[name]}: {word}" if word else ""
            print(f"  {name:58}{value:9.2f}{goal}", flush=True)
        parts.append(part_of(run.module, run.what, found))
    page = jinja2.Environment(autoescape=True).from_string(_PAGE)
    given.out.write_text(
        page.render(machine=machine(), load=load, quick=given.quick, parts=parts),
        encoding="utf-8",
    )
    print(f"\n{missed} goals missed; {given.out} has the plots")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
