"""What one-of-each offers."""

from eurus_core import Component, ModelSource, RunOption, hookimpl

PARTS = "one_of_each.parts"


@hookimpl
def eurus_commands():
    yield Component("shout", "one_of_each.command:shout", "Say it louder.")


@hookimpl
def eurus_stages():
    yield Component("tally", f"{PARTS}:Tally", "Count the problems of a source.")


@hookimpl
def eurus_recipes():
    yield Component("tallied", "one_of_each:tallied.toml", "Count twice.")


@hookimpl
def eurus_sources():
    yield Component("halves", f"{PARTS}:Halves", "What is the half of an even number?")


@hookimpl
def eurus_tools():
    yield Component("plain", f"{PARTS}:Plain", "Python in this very process: for tests, since nothing confines it.")


@hookimpl
def eurus_functions():
    yield Component("double", f"{PARTS}:Double", "Twice a number.")


@hookimpl
def eurus_graders():
    yield Component("literal", f"{PARTS}:SameText", "The same letters.")


@hookimpl
def eurus_critics():
    yield Component("teacher", f"{PARTS}:Teacher", "Asks to look again.")


@hookimpl
def eurus_backends():
    yield Component("echo", f"{PARTS}:Echo", "Says what it was told.")


@hookimpl
def eurus_scorers():
    yield Component("brevity", f"{PARTS}:Brevity", "The shorter, the better.")


@hookimpl
def eurus_objectives():
    yield Component("hinge", "one_of_each.objective:Hinge", "A margin of one, and not beyond.")


@hookimpl
def eurus_formats():
    yield Component("good-bad", f"{PARTS}:GoodAndBad", "ask, good, bad.")


@hookimpl
def eurus_run_options():
    yield RunOption("--tally-by", "by", ("task", "dataset"), "What the stage tally counts by.")


@hookimpl
def eurus_find_model(ref):
    return ModelSource("/nowhere/at/all") if ref == "one-of-each" else None


@hookimpl
def eurus_run_started(run):
    (run.folder / "started.txt").write_text(run.recipe["name"])


@hookimpl
def eurus_run_progress(run, event):
    with (run.folder / "progress.txt").open("a") as file:
        file.write(f"{event['event']}\n")


@hookimpl
def eurus_run_finished(run, failed):
    return run.folder / "started.txt"


@hookimpl
def eurus_benchmarks():
    """Offer what a later core may know; this one never asks."""
    yield Component("later", "one_of_each.later:Later", api=2)
