"""``eurus parts`` and ``eurus plugins``: what is installed and what can be set."""

from __future__ import annotations

import json
from typing import Any

import click

from eurus_core.errors import UnknownName
from eurus_core.parts import Offer, Plugin, installed
from eurus_core.parts.component import KINDS
from eurus_core.parts.requirements import unmet

SETTABLE = (
    "stages",
    "sources",
    "tools",
    "functions",
    "graders",
    "critics",
    "backends",
    "scorers",
    "objectives",
    "formats",
)


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def parts(kind: str | None, name: str | None, as_json: bool) -> None:
    """List what plugins offer. With KIND, list its parts; with KIND and NAME, show the part's settings and the rows that it reads.

    \b
    Examples:
      eurus parts objectives
      eurus parts formats trl
      eurus parts stages grow
      eurus parts backends transformers --json
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind of part", kind, KINDS, hint=f"Kinds: {', '.join(KINDS)}.")
    if kind is not None and name is not None:
        _show_settings(installed().find(kind, name), as_json)
        return
    kinds = [kind] if kind else list(KINDS)
    offers = {k: installed().offers(k) for k in kinds}
    if as_json:
        click.echo(
            json.dumps(
                {k: [_describe(n, o) for n, o in sorted(found.items())] for k, found in offers.items()}, indent=1
            )
        )
        return
    width = max((len(n) for found in offers.values() for n in found), default=0)
    for k, found in offers.items():
        if found:
            click.secho(k, bold=True)
        for n, offer in sorted(found.items()):
            click.echo(f"  {n:<{width}}  {offer.component.summary}  ({offer.distribution})")


def _describe(name: str, offer: Offer) -> dict[str, str]:
    return {
        "name": name,
        "summary": offer.component.summary,
        "distribution": offer.distribution,
        "version": offer.version,
        "target": offer.component.target,
    }


def _show_settings(offer: Offer, as_json: bool) -> None:
    from eurus_core.cli.settings import row_forms, settings  # imports pydantic

    part = offer.load() if offer.kind in SETTABLE else None
    rows = settings(part) if part else []
    forms = row_forms(part) if part else []
    if as_json:
        found = {**_describe(offer.component.name, offer), "settings": rows, "rows": forms}
        click.echo(json.dumps(found, indent=1, default=str))
        return
    click.echo(f"{offer.full_name} {offer.version}: {offer.component.summary}")
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        default = "needed" if row["needed"] else f"= {json.dumps(row['default'], default=str)}"
        click.echo(
            f"  {row['name']:<{width}}  {default}  ({row['type']})" + (f"  {row['about']}" if row["about"] else "")
        )
    for number, form in enumerate(forms):
        click.echo("A row holds" if number == 0 else "or")
        keys = {**form["needed"], **form["optional"]}
        width = max(map(len, keys))
        for key, about in keys.items():
            click.echo(f"  {key:<{width}}  {'needed' if key in form['needed'] else 'optional':<8}  {about}".rstrip())
        if form["example"]:
            click.echo(f"such as\n  {json.dumps(form['example'], ensure_ascii=False)}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--check", is_flag=True, help="Exit with 1 if a requirement of a plugin is not met or a plugin is not loaded."
)
def plugins(as_json: bool, check: bool) -> None:
    """List plugins: what they offer, what this core leaves aside, what they lack, and why one could not be loaded."""
    found = installed().plugins
    conflicts = {plugin.distribution: unmet(plugin.distribution) for plugin in found}
    if as_json:
        rows = [_row(plugin) | {"conflicts": conflicts[plugin.distribution]} for plugin in found]
        click.echo(json.dumps(rows, indent=1))
    else:
        for plugin in found:
            offers = ", ".join(f"{kind} {', '.join(names)}" for kind, names in _row(plugin)["offers"].items())
            click.echo(
                f"{plugin.distribution} {plugin.version}: {'not loaded: ' + plugin.problem if plugin.problem else offers}"
            )
            for line in plugin.notes:
                click.echo(f"  note: {line}")
            for line in conflicts[plugin.distribution]:
                if line.rstrip(".") not in plugin.problem:
                    click.echo(f"  {line}")
        if check and not any(conflicts.values()):
            click.echo("All requirements are met.")
    if check and (any(conflicts.values()) or installed().broken()):
        raise SystemExit(1)


def _row(plugin: Plugin) -> dict[str, Any]:
    offers: dict[str, list[str]] = {}
    for offer in plugin.offers:
        offers.setdefault(offer.kind, []).append(offer.component.name)
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "module": plugin.module,
        "problem": plugin.problem,
        "notes": list(plugin.notes),
        "offers": offers,
    }
