import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eurus_core.errors import InputError
from eurus_core.stages.report import Line, Plot, StageReport, Table, write_report
from eurus_eval.commands import report
from eurus_eval.report.page import write_page
from eurus_eval.report.plots import common_range

HOSTILE = "<script>document.title='owned'</script>--><img src=x onerror=\"document.title='owned'\">"


class Outline(HTMLParser):
    """What a browser would find: headings, scripts, and everything that would be loaded."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if tag == "a" and name == "href" and not (value or "").startswith("#"):
                self.links.append(value or "")
            elif name in ("src", "href", "xlink:href", "data", "srcset") and not (value or "").startswith("#"):
                self.loads.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)


def page(run: Path) -> str:
    return write_page(run).read_text(encoding="utf-8")


def stage_report(run: Path, name: str, report: StageReport) -> None:
    (run / name).mkdir(parents=True)
    write_report(run / name / "report.json", report)


def test_a_page_loads_nothing_and_its_ids_are_unique(demo_run: Path) -> None:
    text = page(demo_run)
    outline = Outline(text)
    assert outline.loads == []
    assert len(outline.ids) == len(set(outline.ids))
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert outline.tags.count("script") == 1


def test_the_result_stands_first_then_figure_five_best_of_n_and_the_tree(demo_run: Path) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page(demo_run))
    assert headings == [
        "Result",
        "One problem, before and after",
        "Rewards while learning (figure 5)",
        "Best of N",
        "Preference trees",
        "Loss",
        "Stages",
        "Time",
        "Versions and settings",
    ]


def test_stages_stand_in_the_manifests_order(demo_run: Path) -> None:
    text = page(demo_run)
    order = [stage["name"] for stage in json.loads((demo_run / "manifest.json").read_text())["stages"]]
    places = [text.index(f'">{name}</a>') for name in order]
    assert places == sorted(places)


def test_hostile_words_are_shown_and_never_run(make_demo_run: Callable[..., Path]) -> None:
    text = page(make_demo_run(hostile=HOSTILE))
    outline = Outline(text)
    assert outline.tags.count("script") == 1
    assert "img" not in outline.tags
    assert outline.handlers == []
    assert "&lt;script&gt;" in text


def test_hostile_labels_of_plots_and_tables_are_escaped(tmp_path: Path) -> None:
    line = Line(HOSTILE, (1.0, 2.0), (0.5, 0.6))
    plot = Plot(HOSTILE, f"$x^{{{HOSTILE}", HOSTILE, (line,), HOSTILE, HOSTILE, {HOSTILE: 0.5})
    table = Table(HOSTILE, (HOSTILE,), ((HOSTILE,), (None,), (True,)), HOSTILE)
    stage_report(tmp_path, "odd", StageReport(HOSTILE, HOSTILE, {HOSTILE: 1.0}, (HOSTILE,), (table,), (plot,)))
    outline = Outline(page(tmp_path))
    assert outline.tags.count("script") == 1
    assert "img" not in outline.tags
    assert outline.handlers == []


def test_the_only_script_is_the_one_that_the_security_policy_names(demo_run: Path) -> None:
    text = page(demo_run)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_blocks_of_unknown_stages_are_rendered_without_a_manifest(tmp_path: Path) -> None:
    table = Table("lengths", ("kind", "tokens", "share"), (("chosen", 58, 0.25), ("rejected", 1234567, None)))
    plot = Plot("loss", "step", "nats", (Line("loss", (0.0, 1.0), (1.0, 0.5)),))
    stage_report(
        tmp_path,
        "theirs",
        StageReport("theirs", "third-party", {"tokens a second": 12.0}, ("Noted.",), (table,), (plot,)),
    )
    text = page(tmp_path)
    assert "Noted." in text
    assert "1,234,567" in text
    assert "<svg" in text
    assert "third-party" in text
    assert "Result" not in re.findall(r"<h2>(.*?)</h2>", text)


def test_a_plot_without_points_is_drawn_empty(tmp_path: Path) -> None:
    stage_report(tmp_path, "empty", StageReport("empty", plots=(Plot("nothing", "x", "y", ()),)))
    assert "<svg" in page(tmp_path)


def test_a_report_that_cannot_be_read_is_said_and_the_rest_is_shown(demo_run: Path) -> None:
    (demo_run / "sft" / "report.json").write_text("{}{")
    text = page(demo_run)
    assert "Its report cannot be read" in text
    assert "<h2>Result</h2>" in text


def _uneven(data: dict[str, Any]) -> None:
    data["plots"] = [{"name": "p", "x_label": "x", "y_label": "y", "lines": [{"label": "l", "x": [1, 2], "y": [1]}]}]


def _orphaned(data: dict[str, Any]) -> None:
    data["trees"][0]["tree"]["nodes"][-1]["parent"] = "nobody"


@pytest.mark.parametrize(("damage", "says"), [(_uneven, "2 x and 1 y"), (_orphaned, "has the parent")])
def test_a_report_that_cannot_be_drawn_is_said_and_the_rest_is_shown(
    demo_run: Path, damage: Callable[[dict[str, Any]], None], says: str
) -> None:
    path = next(path for path in sorted(demo_run.glob("*/report.json")) if json.loads(path.read_text()).get("trees"))
    data = json.loads(path.read_text())
    damage(data)
    path.write_text(json.dumps(data))
    assert says in write_page(demo_run).read_text()


def test_half_a_surrogate_pair_does_not_keep_a_page_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    (tmp_path / "stage/report.json").write_text('{"notes": ["odd \\ud800 one"]}')
    assert "odd \\ud800 one" in write_page(tmp_path).read_text()


def test_a_run_that_broke_off_says_so(demo_run: Path) -> None:
    manifest = json.loads((demo_run / "manifest.json").read_text())
    manifest["stages"][-1]["status"] = "failed"
    (demo_run / "manifest.json").write_text(json.dumps(manifest))
    assert "This run is not complete: compare (failed)" in page(demo_run)


def test_a_stage_begun_anew_with_other_settings_says_that_its_report_is_of_the_ones_before(demo_run: Path) -> None:
    manifest = json.loads((demo_run / "manifest.json").read_text())
    stage = manifest["stages"][0]
    stage |= {"fingerprint": "now", "status": "failed"}
    (demo_run / "manifest.json").write_text(json.dumps(manifest))
    said = "of this stage's work before, with other settings"
    assert said not in page(demo_run)
    (demo_run / stage["name"] / "stage.json").write_text('{"fingerprint": "now"}')
    assert said not in page(demo_run)
    (demo_run / stage["name"] / "stage.json").write_text('{"fingerprint": "before"}')
    assert page(demo_run).count(said) == 1


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no stage has left a report"):
        write_page(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        write_page(tmp_path / "nowhere")


def test_the_same_run_gives_the_same_page(demo_run: Path) -> None:
    assert page(demo_run) == page(demo_run)


def test_the_report_command_prints_the_path(demo_run: Path) -> None:
    result = CliRunner().invoke(report, [str(demo_run)])
    assert result.exit_code == 0
    assert result.output.strip() == str(demo_run / "report.html")


def test_plots_side_by_side_share_a_range_only_where_theirs_overlap() -> None:
    def plot(*heights: float) -> Plot:
        return Plot("rewards", "step", "nats", (Line("chosen", (1.0, 2.0), heights),))

    shared = common_range([plot(0.0, -4.0), plot(0.0, 1.0)])
    assert shared is not None
    assert shared.low < -4
    assert shared.high > 1
    assert common_range([plot(6.9, 6.0), plot(1.4, 1.3)]) is None


def words(page: str, part: str) -> str:
    """Return a part of the page as a reader sees it."""
    found = re.search(rf'<section id="{part}".*?\n</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def test_every_stages_findings_stand_under_result_with_a_way_to_the_stage(demo_run: Path) -> None:
    text = page(demo_run)
    result = words(text, "result")
    assert result.index("sft against base: higher") < result.index("All 231 correct actions were assisted. grow-first")
    assert 'All 231 correct actions were assisted. <a class="from" href="#stage-2">' in text


def test_a_word_is_explained_once_where_it_is_met_first(demo_run: Path) -> None:
    text = page(demo_run)
    assert text.count("what a story is about") == 1
    assert "Family what a story is about" in words(text, "result")
    assert "Likeliest the sample to which" in words(text, "group-2")


def test_the_command_is_on_the_page_and_nothing_of_it_where_it_is_not_known(demo_run: Path) -> None:
    assert '<code id="command">eurus run demo --set grow.problems=128 --seed 0</code>' in page(demo_run)
    manifest = json.loads((demo_run / "manifest.json").read_text())
    del manifest["command"]
    (demo_run / "manifest.json").write_text(json.dumps(manifest))
    assert "Make it again" not in page(demo_run)


def test_links_lead_to_what_stages_made_from_the_run_folder(tmp_path: Path, demo_run: Path) -> None:
    links = Outline(page(demo_run)).links
    assert "./sft/model" in links
    assert all((demo_run / link).exists() for link in links)
    odd = tmp_path / "odd"
    (odd / "javascript:alert(1) #+" / "model").mkdir(parents=True)
    write_report(odd / "javascript:alert(1) #+" / "report.json", StageReport("odd"))
    assert Outline(page(odd)).links == ["./javascript%3Aalert%281%29%20%23%2B/model"] * 2


def test_the_machines_load_stands_beside_times_and_says_what_makes_them_untrustworthy(demo_run: Path) -> None:
    time = words(page(demo_run), "time")
    assert "load 1.2 to 3.1 on 2 cores" in time
    assert "load 1.2 to 1.9 on 2 cores time since it last stopped" in time
    assert "other work took part of the cores" in time
    assert "with other work on the machine" in " ".join(re.sub(r"<[^>]*>", "", page(demo_run)).split())


def test_a_curve_of_one_step_is_a_number(demo_run: Path) -> None:
    text = page(demo_run)
    (loss,) = re.findall(
        r'<figure class="plot">(?:(?!</figure>).)*One step only(?:(?!</figure>).)*</figure>', text, re.DOTALL
    )
    assert "2.08" in loss
    assert "<svg" not in loss


def test_smoothed_curves_say_what_their_band_is(demo_run: Path) -> None:
    assert "Bold: mean of the 5 steps around each" in page(demo_run)
    assert "Band: one standard deviation of these steps" in page(demo_run)


def test_more_than_one_tree_of_a_stage_opens_on_request(demo_run: Path) -> None:
    text = page(demo_run)
    assert text.count('<svg class="drawing"') == 3
    assert "2 more trees of grow" in text
    assert "expanded: told what is wrong, then tried again" in text


def test_what_a_later_version_shows_is_left_out_and_named(demo_run: Path) -> None:
    path = demo_run / "compare" / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"maps": [{"name": "m"}]}))
    text = page(demo_run)
    assert "Not shown, since this version does not know it: maps." in text
    assert "sft against base: higher" in text


def test_attempts_show_reply_verdict_and_rule_of_each(demo_run: Path) -> None:
    text = words(page(demo_run), "attempts")
    assert "Right by sft and nca, not by base" in text
    assert "base: incorrect" in text
    assert "Add them: \\boxed{" in text
    assert "accepted (rule: number)" in text
