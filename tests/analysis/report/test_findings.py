"""What a report found, in plain sentences."""

from typing import Any

import pytest

from analysis.report.findings import Findings, findings_of
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Two tables
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
"""


def found(ran: Any) -> Findings:
    return findings_of(ran.evidence)


@pytest.fixture(scope="module")
def ran(run: Any, fate: Any) -> Any:
    """Return a run in which one level is clearly worse, and no other differs."""

    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (5 + config.hidden_units)) % 5 * 0.6
        return fate(last=90.0 - 8.0 * (config.hidden_units == 4) + noise)

    return run(STUDY, seeds=10, fates=fates)


def test_the_largest_difference_comes_first_with_its_interval(ran: Any) -> None:
    first, *rest = found(ran).sentences
    assert first.startswith("Hidden layer size matters most: 4 costs ")
    assert " points (" in first
    assert first.endswith("practically equal to 8.") or "no clear difference for 16" in first
    assert any("at most 5% of the differences shown are false" in words for words in rest)
    assert any(words.endswith("Intervals are 95%, each corrected for the comparisons of its table.") for words in rest)


def test_what_to_use_is_never_stronger_than_the_verdicts(ran: Any) -> None:
    assert found(ran).use == ("No level was shown to be better than the default: keep the default.",)


def test_a_page_leads_with_found_use_cost_and_how_to_quote(ran: Any) -> None:
    known = found(ran)
    answers = {name: sentences for name, _, sentences in known.answers}
    assert list(answers)[:5] == ["found", "more", "use", "cost", "quote"]
    assert answers["found"] == known.matters[:1]
    assert answers["use"] == (*known.use, *known.default)
    said = " ".join(known.sentences)
    assert all(words in said for sentences in answers.values() for words in sentences)


def test_one_seed_tells_nothing_from_chance(run: Any) -> None:
    single = found(run(STUDY, seeds=1))
    assert single.matters[0].startswith("With one seed no difference can be told from chance. The best validation ")
    assert single.use == ()
    assert "--seeds 5" in single.next


def test_seeds_that_would_settle_a_level_are_the_next_command(run: Any, fate: Any) -> None:
    noisy = run(STUDY, seeds=4, fates=lambda config: fate(last=90.0 + (config.seed * config.hidden_units) % 5))
    known = found(noisy)
    assert "undecided level" in known.why or not known.next
    assert known.sentences[-1].startswith("Next: `") or not known.next


def test_an_unfinished_run_is_continued_first(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("missing" if config.hidden_units == 16 else "completed")

    known = found(run(STUDY, fates=fates))
    assert known.why == "continues the run, which has not ended"
    assert known.next.startswith("ablatune run ")
    assert "not run yet" in known.endings[0]


def test_the_test_set_and_the_cost_are_told(ran: Any, run: Any, opened: Any) -> None:
    assert found(ran).test == (
        "The test set has not been opened: all numbers here are of validation, on one split of the data.",
    )
    assert found(ran).cost == ("40 trainings fill 50 table cells and took 6 min 40 s, summed over the trials.",)
    final = run(STUDY + "final: {hidden_units: 16}\n")
    opened(final, [95.0, 96.0, 97.0])
    assert found(final).test == (
        "The test set was opened once: Final configuration has a test accuracy of 96.00 ± 2.48% (n = 3).",
    )


STAGED = """\
fresh_seeds: 3
splits: validation
base: {dataset: digits, hidden_units: 4, epochs: 3}
stages:
  - {name: width, title: Width, factor: hidden_units, levels: [4, 8]}
"""


@pytest.mark.parametrize(("gain", "use"), [(4.0, "Use what the stages settled on: Width 8."), (0.02, "Keep the start")])
def test_stages_are_judged_by_fresh_seeds(run: Any, fate: Any, gain: float, use: str) -> None:
    def fates(config: TrialConfig) -> Any:
        noise = (config.seed * (3 + config.hidden_units)) % 7 * 0.1
        return fate(last=90.0 + gain * (config.hidden_units == 8) + noise)

    known = found(run(STAGED, fates=fates))
    assert known.matters[0].startswith("The stages: +") or gain < 1
    assert "against the start, with 3 fresh seeds" in known.matters[0]
    assert known.use[0].startswith(use)


def test_what_practically_equal_means_is_said_once_for_each_unit(run: Any, fate: Any) -> None:
    text = STUDY.replace("tables:", "margin: 2\ntables:")
    words = [
        one for one in found(run(text, seeds=10, fates=lambda config: fate(last=90.0))).sentences if "equal" in one
    ]
    assert "“Practically equal”: the whole interval lies within ±2.00 points." in words
