"""A forest as one self-contained HTML page: the tree of its tokens; pointing at one shows all that it sees."""

from __future__ import annotations

from html import escape
from typing import Any

from eurus_train.forest.layout import Forest
from eurus_train.inspection.outlines import Stretch, parents_of, roles, sides, stretches

STYLE = """
body { font: 14px/1.6 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
h1 { font-size: 1.2em; }
table { border-collapse: collapse; margin: 1em 0; }
td:nth-child(2) { overflow-wrap: anywhere; }
td, th { padding: .1em .8em .1em 0; text-align: left; vertical-align: top; }
.stretch { border-left: 2px solid #bbb; padding: .2em 0 .2em .8em; margin: .2em 0; }
.about { color: #666; font-size: .85em; }
.tokens { font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.tokens span:hover { outline: 1px solid #222; }
.scored { background: #d7ead9; }
.chosen { background: #cfe3f7; }
.rejected { background: #f7ddcf; }
.seen { box-shadow: inset 0 -2px #c08a00; }
"""
SCRIPT = """
const before = JSON.parse(document.getElementById("before").textContent);
const place = at => document.getElementById("t" + at);
document.addEventListener("mouseover", event => {
  document.querySelectorAll(".seen").forEach(one => one.classList.remove("seen"));
  if (!event.target.id || event.target.id[0] !== "t") return;
  for (let at = Number(event.target.id.slice(1)); at >= 0; at = before[at]) place(at).classList.add("seen");
});
"""


def page(forest: Forest, tokenizer: Any, title: str) -> str:
    """Return the page. Stretches are nested as they are shared; colours say what is scored, and as what."""
    found, said = stretches(forest), roles(forest)
    shared = forest.logical_tokens / len(forest)
    branches = "".join(
        f"<tr><td>{number}</td><td>{escape(branch.tree)} {escape(branch.node)}</td><td>{branch.turn}</td>"
        f"<td>{escape(branch.source)}</td><td>{len(branch.history)} + {len(branch.action)}</td><td>{escape(role)}</td></tr>"
        for number, (branch, role) in enumerate(zip(forest.branches, said, strict=True))
    )
    children: dict[int | None, list[int]] = {}
    for index, stretch in enumerate(found):
        children.setdefault(stretch.parent, []).append(index)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{len(forest):,} unique tokens for {forest.logical_tokens:,}: {shared:.2f} x. Coloured tokens "
        'are scored: <span class="chosen">as chosen</span>, <span class="rejected">as rejected</span>, <span class="scored">as both, or '
        "otherwise</span>. A token sees itself and what stands before it on its own path: point at one.</p>"
        "<table><tr><th>branch</th><th>tree and node</th><th>turn</th><th>source</th><th>history + action tokens</th>"
        f"<th>learnt as</th></tr>{branches}</table>{_nested(found, children, forest, said, tokenizer)}"
        f'<script type="application/json" id="before">{parents_of(forest).tolist()}</script><script>{SCRIPT}</script></html>\n'
    )


def _nested(
    found: tuple[Stretch, ...], children: dict[int | None, list[int]], forest: Forest, said: list[str], tokenizer: Any
) -> str:
    """Draw the stretches depth-first; a chain of only children stays on one level, so that nesting means sharing."""
    parts: list[str] = []
    compared = sides(forest)
    todo: list[int | str] = list(reversed(children.get(None, [])))
    while todo:
        index = todo.pop()
        if isinstance(index, str):
            parts.append(index)
            continue
        stretch, below = found[index], children.get(index, [])
        about = f"positions {stretch.start} to {stretch.end - 1}, depth {stretch.depth} to {stretch.depth + stretch.end - stretch.start - 1}"
        if stretch.scored_for:
            about += f", scored for {', '.join(f'branch {b} ({escape(said[b])})' for b in stretch.scored_for)}"
        parts.append(f'<div class="stretch"><div class="about">{about}</div><div class="tokens">')
        parts += [_token(forest, at, _class(stretch, compared), tokenizer) for at in range(stretch.start, stretch.end)]
        parts.append("</div>")
        if len(below) == 1:
            parts.append("</div>")
            todo.append(below[0])
        else:
            todo.append("</div>")
            todo += reversed(below)
    return "".join(parts)


def _class(stretch: Stretch, sides: list[set[str]]) -> str:
    found = set().union(*(sides[branch] for branch in stretch.scored_for))
    return found.pop() if found in ({"chosen"}, {"rejected"}) else "scored" if found else ""


def _token(forest: Forest, at: int, kind: str, tokenizer: Any) -> str:
    token = int(forest.tokens[at])
    about = f"position {at}, depth {int(forest.depth[at])}, id {token}"
    return f'<span id="t{at}" class="{kind}" title="{about}">{escape(tokenizer.decode([token]))}</span>'
