"""Every way in which a plugin can fail gives its own message, and the rest works."""

from __future__ import annotations

import importlib.metadata
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from eurus_core.errors import MissingExtra, PluginError, UnknownName, nearest
from eurus_core.plugins import Plugins, scan
from eurus_core.testing import assert_light

GOOD = """
    from eurus_core import Component, hookimpl

    @hookimpl
    def eurus_objectives():
        yield Component(name="simpo", target="json:dumps", summary="Fine.")
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., importlib.metadata.EntryPoint]:
    """Write a plugin module and return its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, source: str) -> importlib.metadata.EntryPoint:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        sys.modules.pop(name, None)
        return importlib.metadata.EntryPoint(name=name, value=name, group="eurus")

    return write


def loaded(*entry_points: importlib.metadata.EntryPoint) -> Plugins:
    return scan(entry_points)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("def broken(:", "SyntaxError"),
        (
            "from eurus_core import hookimpl\n@hookimpl\ndef eurus_objectives():\n    raise ValueError('oh')",
            "ValueError: oh",
        ),
        (
            "from eurus_core import hookimpl\n@hookimpl\ndef eurus_objectives():\n    raise SystemExit(1)",
            "SystemExit: 1",
        ),
        ("from eurus_core import hookimpl\n@hookimpl\ndef eurus_objectives():\n    return ['simpo']", "yielded str"),
        ("from eurus_core import hookimpl\n@hookimpl\ndef eurus_objectives():\n    return None", "NoneType"),
        (
            "from eurus_core import hookimpl\n@hookimpl\ndef eurus_objective():\n    return []",
            "No hook named 'eurus_objective'. Did you mean 'eurus_objectives'?",
        ),
        (
            "from eurus_core import hookimpl\n@hookimpl\ndef eurus_find_model(ref, fast=True):\n    return None",
            "argument 'fast' has a default",
        ),
        (
            "from eurus_core import hookimpl\n@hookimpl\ndef eurus_find_model(reference):\n    return None",
            "no argument 'reference'; the hook offers: ref",
        ),
        (
            "from eurus_core import Component, hookimpl\n@hookimpl\ndef eurus_objectives():\n"
            "    yield Component('simpo', 'json:dumps', api=2)",
            "made for plugin api 2; this core speaks 1",
        ),
        (
            "from eurus_core import Component, hookimpl\n@hookimpl\ndef eurus_objectives():\n    yield Component('a/b', 'json:dumps')",
            "needs a name without '/'",
        ),
    ],
)
def test_a_broken_plugin_says_why_and_the_rest_works(plugin: Callable[..., object], source: str, says: str) -> None:
    found = loaded(plugin("bad_plugin", source), plugin("good_plugin", GOOD))
    (broken,) = found.broken()
    assert broken.module == "bad_plugin"
    assert says in broken.problem
    assert "\n" not in broken.problem
    assert list(found.offers("objectives")) == ["simpo"]


def test_a_clash_of_names_asks_for_the_full_name(plugin: Callable[..., object]) -> None:
    found = loaded(plugin("first_plugin", GOOD), plugin("second_plugin", GOOD))
    assert sorted(found.offers("objectives")) == ["first_plugin/simpo", "second_plugin/simpo"]
    with pytest.raises(PluginError, match="first_plugin/simpo or second_plugin/simpo"):
        found.find("objectives", "simpo")
    assert found.find("objectives", "second_plugin/simpo").distribution == "second_plugin"


def test_an_unknown_name_suggests(plugin: Callable[..., object]) -> None:
    found = loaded(plugin("good_plugin", GOOD))
    with pytest.raises(
        UnknownName, match="No objective named 'simp'. Did you mean 'simpo'\\? \\(eurus parts objectives"
    ):
        found.find("objectives", "simp")


def test_a_name_that_another_kind_has_says_which(plugin: Callable[..., object]) -> None:
    found = loaded(plugin("good_plugin", GOOD))
    with pytest.raises(UnknownName, match="No stage named 'simpo'. 'simpo' is one of the objectives."):
        found.find("stages", "simpo")


@pytest.mark.parametrize(("written", "meant"), [("lr", "learning_rate"), ("lor", "lora"), ("xx", None)])
def test_a_name_is_known_by_its_initials_or_its_letters(written: str, meant: str | None) -> None:
    assert nearest(written, ("lora", "learning_rate", "log_steps")) == meant


def test_a_name_of_ours_that_is_not_installed_names_the_package(plugin: Callable[..., object]) -> None:
    with pytest.raises(UnknownName, match=r"pip install \S*eurus-train"):
        loaded(plugin("good_plugin", GOOD)).find("objectives", "nca")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("good_plugin/simp", "Did you mean 'good_plugin/simpo'? (eurus parts objectives lists all)"),
        ("mine/simpo", "Did you mean 'good_plugin/simpo'? No plugin 'mine' is installed."),
        ("mine/dpo", "No plugin 'mine' is installed."),
        ("bad_plugin/simpo", "It is of a plugin that could not be loaded: bad_plugin: SystemExit: 3."),
    ],
)
def test_a_full_name_that_nothing_offers_says_what_is_wrong_with_it(
    plugin: Callable[..., object], name: str, says: str
) -> None:
    found = loaded(plugin("good_plugin", GOOD), plugin("bad_plugin", "raise SystemExit(3)"))
    with pytest.raises(UnknownName) as told:
        found.find("objectives", name)
    assert str(told.value).startswith(f"No objective named {name!r}. {says}")


def test_a_full_name_of_ours_that_is_not_installed_names_the_package(plugin: Callable[..., object]) -> None:
    with pytest.raises(UnknownName, match=r"^No objective named 'eurus-train/nca'. Run: pip install \S*eurus-train$"):
        loaded(plugin("good_plugin", GOOD)).find("objectives", "eurus-train/nca")


BROKEN = """
    import no_such_module_anywhere
"""


def test_a_part_of_a_plugin_that_is_not_loaded_says_why_and_means_no_other(plugin: Callable[..., object]) -> None:
    found = loaded(plugin("eurus_simpo", BROKEN), plugin("other_plugin", GOOD.replace("simpo", "ipo")))
    with pytest.raises(UnknownName) as told:
        found.find("objectives", "simpo")
    assert str(told.value) == (
        "No objective named 'simpo'. It may be of a plugin that could not be loaded: eurus_simpo: ModuleNotFoundError: "
        "No module named 'no_such_module_anywhere'. (eurus parts objectives lists all)"
    )


def test_any_unknown_name_may_be_of_a_plugin_that_is_not_loaded(plugin: Callable[..., object]) -> None:
    found = loaded(plugin("bad_plugin", BROKEN), plugin("worse_plugin", "raise SystemExit(3)"), plugin("good", GOOD))
    with pytest.raises(
        UnknownName, match=r"Did you mean 'simpo'\? It may be of .* bad_plugin: Mod.*; worse_plugin: Sys"
    ):
        found.find("objectives", "simp")


def test_a_name_of_ours_is_of_our_package_alone(plugin: Callable[..., object]) -> None:
    with pytest.raises(UnknownName) as told:
        loaded(plugin("bad_plugin", BROKEN)).find("objectives", "nca")
    assert "bad_plugin" not in str(told.value)
    with pytest.raises(UnknownName, match=r"It is of a plugin that could not be loaded: eurus-train: "):
        loaded(plugin("eurus-train", BROKEN)).find("objectives", "nca")


def test_a_missing_extra_names_the_requirement(plugin: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "behind_extra.py").write_text("import no_such_module_anywhere")
    source = GOOD.replace('target="json:dumps"', 'target="behind_extra:x", requires="eurus-serve[vllm]"')
    offer = loaded(plugin("extra_plugin", source)).find("objectives", "simpo")
    with pytest.raises(MissingExtra, match=r"objective 'simpo' needs .* pip install '\S*eurus-serve\[vllm\]'"):
        offer.load()


@pytest.mark.parametrize("target", ["json:no_such_name", "no_such_module_anywhere:x"])
def test_a_target_that_cannot_be_loaded_names_the_plugin(plugin: Callable[..., object], target: str) -> None:
    offer = loaded(plugin("lost_plugin", GOOD.replace("json:dumps", target))).find("objectives", "simpo")
    with pytest.raises(PluginError, match="objective 'simpo' of lost_plugin"):
        offer.load()


def test_help_imports_nothing_heavy() -> None:
    assert_light(
        "from click.testing import CliRunner\nfrom eurus_core.launcher import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0"
    )


def test_listing_plugins_imports_nothing_heavy() -> None:
    assert_light(
        "from click.testing import CliRunner\nfrom eurus_core.launcher import cli\n"
        "assert CliRunner().invoke(cli, ['plugins']).exit_code == 0"
    )


def test_completion_imports_nothing_heavy() -> None:
    assert_light(
        "from click.shell_completion import BashComplete\nfrom eurus_core.launcher import cli\n"
        "found = BashComplete(cli, {}, 'eurus', '_EURUS_COMPLETE').get_completions([], 'r')\n"
        "assert {'run', 'recipe'} <= {item.value for item in found}"
    )


def test_assert_light_notices() -> None:
    with pytest.raises(AssertionError, match="imports pydantic"):
        assert_light("import pydantic")


def test_every_plugin_of_ours_loads(eurus: Callable[..., object]) -> None:
    done = eurus("plugins", "--check")
    assert done.returncode == 0, done.stdout
    for package in ("core", "data", "serve", "train", "rm", "eval"):
        assert f"eurus-{package} " in done.stdout
    assert "not loaded" not in done.stdout


def test_a_mistyped_command_suggests(eurus: Callable[..., object]) -> None:
    done = eurus("recipes")
    assert done.returncode == 2
    assert "Did you mean 'recipe'?" in done.stderr
