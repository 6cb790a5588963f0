"""What a reader should do with a report: which configuration to use, and the next command worth running."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.frames.evidence import Evidence
from analysis.report.differences import FactorFound, LevelFound
from analysis.report.path_findings import chosen_words, known_path, path_gained
from analysis.report.test_results import openings_count
from analysis.statistics.comparisons import BETTER
from analysis.statistics.waterfall import Waterfall
from tune_jobs.ledger.record import MISSING
from tune_jobs.words import counted

# A run that is to tell a spread has so many seeds.
_PILOT_SEEDS = 5
# More seeds than this are not worth a difference that so many have not shown.
_WORTH_LOOKING, _WORTH = 20, 100


@dataclass(frozen=True)
class Advice:
    """What to use, in sentences, and a command with the reason for it; "" where none is worth running."""

    use: tuple[str, ...] = ()
    command: str = ""
    why: str = ""


def advice_of(evidence: Evidence, factors: Sequence[FactorFound]) -> Advice:
    """Say what to use and what to run next.

    Args:
        evidence: what the ledger knows of the study.
        factors: of `analysis.report.differences.differences`.
    """
    path = known_path(evidence)
    use = () if evidence.study.fraction < 1 else (*_of_path(evidence, path), *_of_tables(factors))
    command, why = ("", "") if evidence.standing.ledger is None else _next(evidence, factors, path)
    return Advice(use, command, why)


def _of_path(evidence: Evidence, path: Waterfall | None) -> list[str]:
    after = evidence.standing.follow_up
    if after is not None and after.default_won:
        return ["Use the default."]
    gained = path_gained(path)
    if gained is None or path is None:
        return []
    changes = ", ".join(chosen_words(path)) or "nothing changed"
    what = "the winner of the search" if after is not None else "what the stages settled on"
    if gained:
        return [f"Use {what}: {changes}."]
    return [f"Keep the {path.label.lower()}: fresh seeds do not show that {what} is better ({changes})."]


def _of_tables(factors: Sequence[FactorFound]) -> list[str]:
    best = [(one, max(better, key=lambda level: level.size)) for one in factors if (better := _better(one))]
    if not factors:
        return []
    if not best:
        return ["No level was shown to be better than the default: keep the default."]
    words = [f"{one.name} {level.label} in place of {one.default}" for one, level in best]
    if len(words) == 1:
        return [f"Use {words[0]}, and else the default."]
    return [f"Use {', '.join(words[:-1])} or {words[-1]}; each was tried alone, and together they are untested."]


def _better(one: FactorFound) -> list[LevelFound]:
    return [level for level in one.held if level.verdict == BETTER]


def _next(evidence: Evidence, factors: Sequence[FactorFound], path: Waterfall | None) -> tuple[str, str]:
    study, standing = evidence.study, evidence.standing
    seeds = [] if standing.looks or len(standing.seeds) == study.seeds else ["--seeds", str(len(standing.seeds))]
    # A run without the flag would go back to the seeds of the file.
    again = ["--until-decided"] if standing.looks else seeds
    missing = int((evidence.trials["outcome"] == MISSING).sum())
    waits = standing.follow_up is not None and standing.follow_up.waiting_for
    if missing or waits or len(standing.choices) < len(study.stages):
        return study.command("run", *again), "continues the run, which has not ended"
    if study.fraction < 1:
        return replace(study, fraction=1.0).command(
            "run", *again
        ), "trains all epochs, and goes on from this quick look"
    if not factors and len(standing.seeds) == 1 and any(len(table.levels) > 1 for table in study.tables):
        return study.command("run", "--seeds", str(_PILOT_SEEDS)), "adds the seeds that tell a difference from chance"
    if more := _more_seeds(evidence, factors):
        return more
    plain = bool(study.tables) and not study.stages and study.search is None
    outer = any(table.showing.splits == "outer" for table in study.tables)
    if plain and not outer and not standing.picks and any(map(_better, factors)):
        why = "trains the best levels again with fresh seeds, for a gain that picking does not flatter"
        return study.command("run", *again, "--confirm"), why
    settled = bool(study.finals or study.stages or (standing.follow_up and standing.follow_up.winner))
    if settled and path_gained(path) is not False and openings_count(study.name, evidence.openings) is None:
        return study.command("evaluate", *seeds), "opens the test set, once, for the configuration that is settled on"
    return "", ""


def _more_seeds(evidence: Evidence, factors: Sequence[FactorFound]) -> tuple[str, str] | None:
    """The command that adds seeds where so many as are worth it would settle a level; None where none would."""
    study, looks = evidence.study, evidence.standing.looks
    needs = sorted(level.comparison.seeds for one in factors for level in one.levels if level.comparison.seeds)
    folds = any(table.showing.folds for table in study.tables)
    if not needs or looks is not None or folds:
        return None
    few = [count for count in needs if count <= _WORTH_LOOKING]
    plain = not study.stages and study.search is None
    if few and plain and len(evidence.standing.seeds) == study.seeds:
        return (
            study.command("run", "--until-decided"),
            f"adds seeds where a verdict is open; {few[-1]} would settle {len(few)} of "
            f"{counted(len(needs), 'undecided level')}, by what was seen",
        )
    worth = [count for count in needs if count <= _WORTH]
    if not worth:
        return None
    count = few[-1] if few else worth[0]
    settled = sum(one <= count for one in needs)
    return (
        study.command("run", "--seeds", str(count)),
        f"would settle {settled} of {counted(len(needs), 'undecided level')}, by what was seen",
    )
