"""`lab verify` on a tiny model; docs/verification.md has the words that the code writes, and good figures."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meritnet.lab.verify import cost, equality, page, servings
from meritnet.lab.verify.detection import METHODS, SIZES, Rate
from meritnet.lab.verify.study import BUDGET, HONEST, Options, Verification, run
from meritnet.subnets.base import Progress
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sources import DEFAULT_MODEL
from meritnet.subnets.models.tiny import save_tiny

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verification.md"
OPTIONS = Options(seed=3, prompts=4, tokens=40)
BY_ACTIVATION = ("log-probs", "projection", "replay + projection")
OTHER_MODELS = ("int8", "int4", "int3", "layers skipped", "smaller model")
OTHER_TOKENS = ("cached", "relayed", "copied")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("verify") / "tiny")


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def found(folder: Path, told: list[Progress]) -> Verification:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equality, "TOKENS", 8)
        return run(replace(OPTIONS, model=str(folder)), told.append)


def share(found: Verification, method: str, serving: str, tokens: int) -> float:
    rate = found.rate(method, serving, tokens)
    assert rate is not None
    assert rate.share is not None
    return rate.share


def test_honest_answers_raise_no_alarm(found: Verification) -> None:
    honest = [rate for rate in found.alarms.rates if rate.serving == HONEST]
    assert {rate.method for rate in honest} == {method.name for method in METHODS}
    assert sum(rate.windows for rate in honest) > 100
    assert [rate for rate in honest if rate.alarms] == []


@pytest.mark.parametrize("cheat", [*OTHER_MODELS, "hidden prompt", "half a prompt"])
@pytest.mark.parametrize("method", BY_ACTIVATION)
def test_other_models_and_prompts_show_in_eight_tokens(found: Verification, method: str, cheat: str) -> None:
    assert found.caught_at(method, cheat) == 8


@pytest.mark.parametrize("cheat", OTHER_TOKENS)
def test_tokens_of_others_show_in_the_noise_only(found: Verification, cheat: str) -> None:
    for method in ("token replay", "redundancy", "replay + projection"):
        assert share(found, method, cheat, 32) == 1
    for method in ("log-probs", "projection", "top activations"):
        assert share(found, method, cheat, 32) == 0


def test_published_thresholds_pass_int8_and_fitted_ones_do_not(found: Verification) -> None:
    assert share(found, "published TOPLOC", "int8", 32) == 0
    assert share(found, "top activations", "int8", 32) == 1


def test_the_watermark_finds_copies(found: Verification) -> None:
    assert share(found, "watermark", "copied", 32) == 1
    assert share(found, "watermark", "int8", 32) == 0


def test_forged_activations_hide_int8_from_all_but_the_tokens(found: Verification) -> None:
    for method in ("log-probs", "projection", "top activations"):
        assert share(found, method, "int8, forged", 32) == 0
    assert share(found, "replay + projection", "int8, forged", 32) == share(found, "token replay", "int8", 32)


def test_every_cost_is_there(found: Verification) -> None:
    assert [one.tokens for one in found.costs] == list(cost.LENGTHS)
    assert all(min(one.alone_s, one.batched_s, one.check_s) > 0 for one in found.costs)
    assert [one.evidence_bytes for one in found.extras if one.method == "projection"] == [16]


def test_progress_ends_where_it_said(found: Verification, told: list[Progress]) -> None:
    steps = [progress for progress in told if progress.stage == "measure"]
    assert [one.done for one in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].done == steps[-1].total - 1  # type: ignore[operator]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(found: Verification, folder: Path) -> None:
    again = run(replace(OPTIONS, model=str(folder)))
    assert (again.alarms, again.quality) == (found.alarms, found.quality)


def test_caught_at_wants_every_larger_window_too(found: Verification) -> None:
    shares = dict(zip(SIZES, (10, 10, 9, 10, 10, 10), strict=True))
    rates = tuple(Rate("token replay", "int8", size, 10, alarms) for size, alarms in shares.items())
    made = replace(found, alarms=replace(found.alarms, rates=rates))
    assert made.caught_at("token replay", "int8") == 64
    assert made.caught_at("token replay", "int4") is None


def test_cheats_are_what_they_say(folder: Path) -> None:
    engine = Engine.load(folder)
    asked = servings.questions(engine, 1, 3, 24, "cheats")
    bench = servings.Bench(engine, asked, servings.serve(engine.model, [one.asked for one in asked], NEVER))
    made = {cheat.name: cheat.serve(bench) for cheat in servings.CHEATS}
    engine.close()
    honest = [one.tokens for one in bench.honest]
    assert [one.tokens for one in made["cached"]] == [honest[2], honest[0], honest[1]]
    for whole, cut in zip(honest, made["cut short"], strict=True):
        assert cut.tokens == (*whole[: len(whole) // 2], min(engine.end_tokens))
    assert all(one.tokens != whole for one, whole in zip(made["copied"], honest, strict=True))
    assert [one.tokens for one in made["int8"]] == [one.tokens for one in made["int8, forged"]]


NEVER = frozenset({256})


# The page


def headings(text: str) -> list[str]:
    """All but the tables' rows."""
    lines = text.splitlines()
    rules = {number for number, line in enumerate(lines) if line.startswith("| -")}
    titles = {number - 1 for number in rules}
    figures = {number for number, line in enumerate(lines) if line.startswith("|")} - rules - titles
    return [line for number, line in enumerate(lines) if number not in figures]


def cells(table: str) -> Iterator[list[str]]:
    """Rows of the page's table of that title."""
    text = PAGE.read_text()
    for line in text[text.index(f"\n{table}") :].split("\n\n")[1].splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_is_what_the_code_writes(found: Verification) -> None:
    stated = re.search(
        r"lab verify --seed (\d+) --prompts (\d+) --tokens (\d+) --false-alarms ([\d.]+)", PAGE.read_text()
    )
    assert stated is not None
    options = Options(int(stated[1]), int(stated[2]), int(stated[3]), float(stated[4]))
    shown = replace(
        found,
        model=DEFAULT_MODEL,
        prompts=options.prompts,
        tokens=options.tokens,
        false_alarms=options.false_alarms,
    )
    assert headings(page.page(shown, options)) == headings(PAGE.read_text())
    assert options.false_alarms <= 0.01


def test_the_page_shows_int8_caught_and_no_false_alarm() -> None:
    caught = {row[0]: row[1:] for row in cells("Alarms of projection")}
    assert caught["int8"][0] == "100 %"
    alarms = {row[0]: row[1] for row in cells("False alarms")}
    counted, windows = map(int, alarms["projection"].split(" of "))
    assert counted <= 0.01 * windows
    assert windows >= 100
    published = {row[0]: row[3] for row in cells("Alarms of published TOPLOC")}
    assert published["int8"] == "0 %"


def test_the_page_shows_what_checking_costs() -> None:
    """An eighth of generating from 128 tokens on, for a miner that decodes one answer at a time."""
    ratios = {row[1]: float(row[5]) for row in cells("Processor seconds")}
    assert ratios["128"] <= BUDGET
    assert ratios["256"] <= BUDGET
