"""What eurus-kinds offers: two objectives. Their kinds need no hook."""

from eurus_core import Component, hookimpl


@hookimpl
def eurus_objectives():
    yield Component("plackett-luce", "brings_kinds.rankings:PlackettLuce", "All siblings of a turn in their order.")
    yield Component("kto-unpaired", "brings_kinds.labelled:UnpairedKTO", "KTO on single labelled actions.")
