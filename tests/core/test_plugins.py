"""Every way in which a plugin can fail gives its own message, and the rest works."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from eurus_core.errors import MissingExtra, PluginError, UnknownName, nearest
from eurus_core.installing import OURS
from eurus_core.parts import Plugins, hookspecs, scan
from eurus_core.parts.loading import misspelt
from eurus_core.parts.requirements import failing
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
            "    yield Component('simpo', 'json:dumps', api='1')",
            "'simpo' has api '1'; it must be a whole number, or a pair",
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


NEWER = """
    from eurus_core import Component, hookimpl

    @hookimpl
    def eurus_objectives():
        yield Component("simpo", "json:dumps", api=(1, 2))
        yield Component("dream", "json:loads", api=2)
        yield Component("haze", "json:loads", api=(2, 3))

    @hookimpl
    def eurus_benchmarks():
        raise ValueError("a hook that this core never calls")

    @hookimpl(optionalhook=True)
    def eurus_graderss():
        return []
"""


def test_a_plugin_for_two_cores_gives_each_what_it_serves_and_says_what_it_leaves(
    plugin: Callable[..., object],
) -> None:
    found = loaded(plugin("newer_plugin", NEWER))
    assert not found.broken()
    assert list(found.offers("objectives")) == ["simpo"]
    (only,) = found.plugins
    assert only.notes == (
        "hook 'eurus_benchmarks' is none of this core's and is ignored.",
        "hook 'eurus_graderss' is none of this core's and is ignored; the nearest is 'eurus_graders'.",
        "objective 'dream' is left out: it is made for plugin api 2; this core serves 1.",
        "objective 'haze' is left out: it is made for plugin api 2 to 3; this core serves 1.",
    )


@pytest.mark.parametrize("name", ["dream", "newer_plugin/dream"])
def test_a_part_that_is_left_out_says_why_when_it_is_asked_for(plugin: Callable[..., object], name: str) -> None:
    with pytest.raises(UnknownName) as told:
        loaded(plugin("newer_plugin", NEWER)).find("objectives", name)
    assert str(told.value) == (
        f"No objective named {name!r}. newer_plugin has it, but it is made for plugin api 2; this core serves 1. "
        "(eurus parts objectives lists all)"
    )


def test_a_part_that_names_no_api_is_made_for_the_first(
    plugin: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eurus_core.parts.loading.API", 2)
    assert list(loaded(plugin("first_plugin", GOOD)).offers("objectives")) == ["simpo"]
    monkeypatch.setattr("eurus_core.parts.loading.OLDEST_API", 2)
    (only,) = loaded(plugin("first_plugin", GOOD)).plugins
    assert only.notes == ("objective 'simpo' is left out: it is made for plugin api 1; this core serves 2.",)


HOOKS = [name for name in dir(hookspecs) if name.startswith("eurus_")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("eurus_objective", "eurus_objectives"),
        ("eurus_soruces", "eurus_sources"),
        ("eurus_commnads", "eurus_commands"),
        ("eurus_tool", "eurus_tools"),
        ("eurus_Graders", "eurus_graders"),
        ("eurus_model_find", "eurus_find_model"),
        ("eurus_run_start", "eurus_run_started"),
        ("backends", "eurus_backends"),
        ("eurus_benchmarks", None),
        ("eurus_run_failed", None),
        ("eurus_embedders", None),
        ("eurus_views", None),
        ("eurus_rewards", None),
        ("eurus_run_paused", None),
        ("eurus_schedulers", None),
    ],
)
def test_a_hook_of_nearly_a_known_name_is_misspelt_and_any_other_is_of_another_core(
    written: str, meant: str | None
) -> None:
    assert misspelt(written, HOOKS) == meant


@pytest.fixture
def distribution(
    plugin: Callable[..., importlib.metadata.EntryPoint], tmp_path: Path
) -> Callable[..., importlib.metadata.EntryPoint]:
    """Write a plugin and the metadata of its distribution; return its entry point."""

    def write(name: str, source: str, *requires: str) -> importlib.metadata.EntryPoint:
        plugin(name, source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        (info / "entry_points.txt").write_text(f"[eurus]\n{name} = {name}\n")
        (found,) = importlib.metadata.PathDistribution(info).entry_points
        return found

    return write


CORE = importlib.metadata.version("eurus-core")


def test_a_plugin_for_a_later_core_is_not_loaded_and_says_what_is_installed(distribution: Callable[..., Any]) -> None:
    found = scan([core(), distribution("later", "raise ValueError('unread')", "eurus_core>=99", "numpy")])
    (broken,) = found.broken()
    assert broken.problem.startswith(f"needs eurus_core>=99: {CORE} is installed. ")
    with pytest.raises(
        UnknownName, match=rf"plugin that could not be loaded: later 1.0: needs eurus_core>=99: {CORE} is"
    ):
        found.find("objectives", "later/simpo")


def test_a_plugin_for_an_earlier_core_alone_is_what_to_change(distribution: Callable[..., Any]) -> None:
    found = scan([core(), distribution("earlier", "raise ValueError('unread')", "eurus-core>=0.1,<0.2", "numpy<1")])
    (broken,) = found.broken()
    asked = (
        f"needs eurus-core>=0.1,<0.2: {CORE} is installed. Install a release of the plugin that is made for eurus-core"
    )
    assert broken.problem.startswith(f"{asked} {CORE}. It needs numpy<1: ")
    assert broken.problem.endswith(" is installed. Run: pip install 'numpy<1'.")


def test_extras_markers_and_other_versions_that_are_met_keep_no_plugin_out(distribution: Callable[..., Any]) -> None:
    met = [
        "eurus-core[models]>=0.1",
        'eurus-core>=99; extra == "x"',
        'eurus-core>=99; python_version < "3"',
        "numpy>=99",
    ]
    found = scan([core(), distribution("fitting", GOOD, *met)])
    assert not found.broken()
    assert "simpo" in found.offers("objectives")


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.lists(
        st.tuples(st.sampled_from([">=", "<=", "<", ">"]), st.lists(st.integers(0, 3), min_size=1, max_size=3)),
        min_size=1,
    ),
)
def test_releases_are_compared_as_packaging_does(version: list[int], bounds: list[tuple[str, list[int]]]) -> None:
    found = ".".join(map(str, version))
    needed = ",".join(sign + ".".join(map(str, numbers)) for sign, numbers in bounds)
    assert (not list(failing([f"x{needed}"], lambda name: found))) == SpecifierSet(needed).contains(found)


@pytest.mark.parametrize(
    ("needed", "met"), [("~=0.1", True), ("==0.2.*", False), ("!=0.1.5", False), ("(>=0.1)", True)]
)
def test_other_ranges_are_packagings_to_compare(needed: str, met: bool) -> None:
    assert (not list(failing([f"x {needed}"], lambda name: "0.1.5"))) == met
    assert list(failing(["x>=0.2"], lambda name: "0.2rc1"))


def test_a_plugin_or_part_that_cannot_be_imported_says_what_it_lacks(distribution: Callable[..., Any]) -> None:
    lacking = ["no-such-package>=3", "numpy>=99"]
    half = GOOD.replace("json:dumps", "no_such_package:x")
    found = scan(
        [core(), distribution("lost", "import no_such_package", *lacking), distribution("half", half, *lacking)]
    )
    (broken,) = found.broken()
    numpy = importlib.metadata.version("numpy")
    assert broken.problem == (
        "ModuleNotFoundError: No module named 'no_such_package'. It needs no-such-package>=3: not installed. "
        f"Run: pip install 'no-such-package>=3'. It needs numpy>=99: {numpy} is installed. Run: pip install 'numpy>=99'."
    )
    with pytest.raises(
        PluginError, match=rf"named 'no_such_package'. half needs no-such.* half needs numpy>=99: {numpy}"
    ):
        found.find("objectives", "simpo").load()


def core() -> importlib.metadata.EntryPoint:
    """Return the entry point of eurus-core, as it is installed."""
    (found,) = (one for one in importlib.metadata.entry_points(group="eurus") if one.value == "eurus_core.plugin")
    return found


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
        "from click.testing import CliRunner\nfrom eurus_core.cli.launcher import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0"
    )


def test_listing_plugins_imports_nothing_heavy() -> None:
    assert_light(
        "from click.testing import CliRunner\nfrom eurus_core.cli.launcher import cli\n"
        "assert CliRunner().invoke(cli, ['plugins']).exit_code == 0"
    )


def test_completion_imports_nothing_heavy() -> None:
    assert_light(
        "from click.shell_completion import BashComplete\nfrom eurus_core.cli.launcher import cli\n"
        "found = BashComplete(cli, {}, 'eurus', '_EURUS_COMPLETE').get_completions([], 'r')\n"
        "assert {'run', 'recipe'} <= {item.value for item in found}"
    )


def test_assert_light_notices() -> None:
    with pytest.raises(AssertionError, match="imports pydantic"):
        assert_light("import pydantic")


def test_every_plugin_of_ours_loads(eurus: Callable[..., object]) -> None:
    done = eurus("plugins", "--check")
    assert done.returncode == 0, done.stdout
    for package in OURS:
        assert f"{package} {CORE}: " in done.stdout
    assert "not loaded" not in done.stdout


def test_what_a_plugin_lacks_and_what_is_left_of_it_is_listed_with_it(
    eurus: Callable[..., Any], distribution: Callable[..., Any], tmp_path: Path
) -> None:
    distribution("newer", NEWER, "numpy>=99")
    distribution("later", GOOD, "eurus-core>=99")
    shown = eurus("plugins", PYTHONPATH=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert "newer 1.0: objectives simpo\n  note: hook 'eurus_benchmarks' is none of this core's" in shown.stdout
    assert "  note: objective 'dream' is left out: it is made for plugin api 2; this core serves 1." in shown.stdout
    assert "\n  needs numpy>=99: " in shown.stdout
    assert f"later 1.0: not loaded: needs eurus-core>=99: {CORE} is installed." in shown.stdout
    told = {one["distribution"]: one for one in json.loads(eurus("plugins", "--json", PYTHONPATH=str(tmp_path)).stdout)}
    assert len(told["newer"]["notes"]) == 4
    assert told["later"]["conflicts"] == [told["later"]["problem"]]
    assert eurus("plugins", "--check", PYTHONPATH=str(tmp_path)).returncode == 1
    helped = " ".join(eurus("--help", PYTHONPATH=str(tmp_path)).stdout.split())
    assert f"Not loaded: later needs eurus-core>=99: {CORE} is installed." in helped


def test_a_mistyped_command_suggests(eurus: Callable[..., object]) -> None:
    done = eurus("recipes")
    assert done.returncode == 2
    assert "Did you mean 'recipe'?" in done.stderr
