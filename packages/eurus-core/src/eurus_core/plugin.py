"""What eurus-core offers: the commands around plugins, parts, recipes and runs; published rows and their forms."""

from __future__ import annotations

from collections.abc import Iterator

from eurus_core.parts.component import Component, ModelSource, hookimpl


@hookimpl
def eurus_commands() -> Iterator[Component]:
    yield Component("parts", "eurus_core.cli.parts:parts", "List parts and the settings a recipe may set.")
    yield Component("plugins", "eurus_core.cli.parts:plugins", "List plugins and why one could not be loaded.")
    yield Component("recipe", "eurus_core.cli.recipe:recipe", "List, show and check recipes.")
    yield Component("run", "eurus_core.cli.run:run", "Run a recipe; the same command resumes it.")


@hookimpl
def eurus_stages() -> Iterator[Component]:
    yield Component("import", "eurus_core.formats.stage:Import", "Read preference trees from published rows.")


@hookimpl
def eurus_formats() -> Iterator[Component]:
    yield Component("messages", "eurus_core.formats.conversations:Conversations", "Conversations to imitate.")
    yield Component(
        "labelled", "eurus_core.formats.conversations:LabelledRows", "prompt, completion, label (true or false)."
    )
    yield Component("trl", "eurus_core.formats.pairs:PreferenceRows", "prompt, chosen, rejected: text or messages.")
    yield Component("ultrafeedback", "eurus_core.formats.ultrafeedback:UltraFeedback", "Four scored completions.")
    yield Component(
        "ultrainteract-pair",
        "eurus_core.formats.ultrainteract:UltraInteractPairs",
        "Trajectories, each with a correct and an incorrect action.",
    )
    yield Component(
        "ultrainteract-sft",
        "eurus_core.formats.ultrainteract:UltraInteractActions",
        "Instructions and correct actions.",
    )


@hookimpl
def eurus_find_model(ref: str) -> ModelSource | None:
    from eurus_core.models.sources import source_in_core  # imported when asked: it reads the cache

    return source_in_core(ref)
