"""The sections of a search, in order: its trials, the audit of its rungs, the winner, the path to it, what matters."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.figures.search import (
    Slice,
    audit_figure,
    few_curves,
    progress_figure,
    search_curves_figure,
    slices_figure,
)
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import (
    DIVERGED_FATE,
    STOPPED,
    SURVIVED,
    Goal,
    audit_frame,
    course,
    goal_of,
    search_curves,
)
from analysis.report.search.effects import edges_section, importance_section, pairs_section
from analysis.report.search.more_trials import more_trials_section
from analysis.report.search.sheets import audit_sheet, best_sheet, space_sheet, trials_csv
from analysis.report.search.winner import fresh_words, path_section, winner_section
from analysis.report.section import Picture, Section
from analysis.report.summary import Fact
from analysis.statistics.audit import Audit, audit
from analysis.statistics.audit_words import audit_words
from tune_jobs.standing.search.state import State
from tune_jobs.standing.search.words import replicates_in_words
from tune_jobs.study.model import AUDIT, Study
from tune_jobs.study.samplers import SAMPLER_WORDS
from tune_jobs.study.schedulers import SCHEDULERS, rungs_in_words
from tune_jobs.study.search_identity import default_config, moved_fields
from tune_jobs.words import counted, duration

# Panels of the audit's figure; a scheduler that looks at every epoch may stop trials at many epochs.
_PANELS = 4


def search_sections(evidence: Evidence) -> list[Section]:
    """The sections of a study's search, as far as it is known; empty without a search."""
    state, after = evidence.standing.search, evidence.standing.follow_up
    if state is None or after is None:
        return []
    goal = goal_of(state)
    if goal is None:
        return [_search_section(evidence, state, None, pd.DataFrame())]
    frame = evidence.searched
    found = [
        _search_section(evidence, state, goal, frame),
        _audit_section(evidence, state, goal, frame),
        more_trials_section(state, goal, frame),
        winner_section(evidence, after, state, goal),
        path_section(evidence, after, goal),
        importance_section(evidence.study, state, goal),
        edges_section(evidence.study, state, goal, frame),
        pairs_section(evidence, after, goal),
    ]
    return [section for section in found if section is not None]


def _search_section(evidence: Evidence, state: State, goal: Goal | None, frame: pd.DataFrame) -> Section:
    study, default = evidence.study, default_values(evidence.study, state)
    sheets = [space_sheet(study, state, default)]
    facts = _facts(state, frame, goal)
    if goal is None or frame.empty:
        return Section("search", "The search", ["No trial of the search has been run yet."], facts, sheets=sheets)
    if state.best(1):
        after = evidence.standing.follow_up
        fresh = fresh_words(evidence, after, goal) if after is not None else {}
        sheets.append(best_sheet(study, state, frame, goal, default, fresh))
    paragraphs = [
        f"The search covers {counted(len(state.search.space), 'hyperparameter')}. {_seeds_words(state)}; the test set "
        "was not used."
    ]
    return Section(
        "search",
        "The search",
        paragraphs,
        facts,
        sheets=sheets,
        pictures=_pictures(study, state, goal, frame),
        frames={"search": trials_csv(frame)},
    )


def _seeds_words(state: State) -> str:
    """What trials of the search were compared on."""
    if state.search.replicates == 1:
        return "Every trial trained with seed 0 on the same split, and all were compared on the same validation data"
    splits = "each with its own validation split" if moved_fields(state.study) else "on the same split"
    return (
        f"A trial is judged by its mean over up to {state.search.replicates} seeds, {splits}; trials that were clearly "
        "behind at a rung got fewer, and two trials are compared on the seeds that both have (racing: Maron and Moore, "
        "1994; Birattari et al., 2002)"
    )


def default_values(study: Study, state: State) -> dict[str, object]:
    """The default configuration's values of the searched fields that it uses."""
    config = default_config(study, state.search)
    values: dict[str, object] = {}
    for parameter in state.search.space:
        if parameter.is_read(values):
            values[parameter.name] = study.own.value_of(config, parameter.name)
    return values


def _facts(state: State, frame: pd.DataFrame, goal: Goal | None) -> list[Fact]:
    search = state.search
    found = [
        Fact("Judged by", f"validation {goal.words}, {_read_words(search.read)}" if goal is not None else ""),
        Fact("Sampler", f"{search.sampler}: {SAMPLER_WORDS[search.sampler]} (seed {search.seed})"),
        Fact("Scheduler", f"{search.scheduler.name}: {SCHEDULERS[search.scheduler.name]}"),
        Fact("Rungs", rungs_in_words(search.scheduler, state.epochs)),
        Fact("Budget", str(search.budget)),
        Fact("Replicates", replicates_in_words(search).partition(": ")[2] if search.replicates > 1 else ""),
    ]
    if len(frame):
        found += [Fact("Used", _used(state, frame)), Fact("Trials", _counts(state, frame))]
    return [fact for fact in found if fact.value]


def _read_words(read: str) -> str:
    return "at the last epoch" if read == "last" else "at the best epoch so far"


def _used(state: State, frame: pd.DataFrame) -> str:
    drawn = frame[frame["number"] >= 0]
    epochs, seconds = int(drawn["epochs"].sum()), float(drawn["train_seconds"].sum())
    begun = drawn[drawn["epochs"] > 0]
    replicates = f"{counted(int(drawn['seeds'].sum()), 'replicate')}, " if state.search.replicates > 1 else ""
    whole = int(begun["of_epochs"].where(begun["fate"] != DIVERGED_FATE, begun["epochs"]).sum())
    words = (
        f"{counted(len(drawn), 'trial')}, {replicates}{counted(epochs, 'epoch')}, {duration(seconds)} of training in "
        f"{duration(state.seconds)}"
    )
    if whole > epochs:
        words += f"; all trials at full length would have taken {whole:,} epochs"
    return words


def _counts(state: State, frame: pd.DataFrame) -> str:
    drawn = frame[frame["number"] >= 0]
    is_open = {trial.number for trial in state.open}
    counts = {
        SURVIVED: int((drawn["fate"] == SURVIVED).sum()),
        STOPPED: int(drawn["stopped_at"].notna().sum()),
        DIVERGED_FATE: int((drawn["fate"] == DIVERGED_FATE).sum()),
        "not ended": int(drawn["number"].isin(is_open).sum()),
    }
    counts["failed or timed out"] = len(drawn) - sum(counts.values())
    words = [f"{count} {what}" for what, count in counts.items() if count]
    if state.evidence:
        words.append(f"{len(state.evidence)} more known from the study's tables")
    return ", ".join(words)


def _pictures(study: Study, state: State, goal: Goal, frame: pd.DataFrame) -> list[Picture]:
    told: Any = {"metric": goal.label, "unit": goal.unit, "higher_is_better": goal.higher_is_better}
    done, curves = course(frame), search_curves(state, frame, goal)
    pictures = []
    if len(done):
        pictures.append(Picture("search-progress", progress_figure(done, **told), _progress_caption(goal)))
    if len(curves):
        rungs = sorted({rung for rungs in state.search.scheduler.brackets(state.epochs) for rung in rungs})
        drawn = [] if state.search.scheduler.name == "median" else rungs
        shown = few_curves(curves)
        figure = search_curves_figure(shown, rungs=drawn, **told)
        caption = _curves_caption(goal, drawn, replicates=state.search.replicates)
        if len(shown) < len(curves):
            caption += f" Of {curves['trial'].nunique():,} trials, {shown['trial'].nunique()} are drawn."
        pictures.append(Picture("search-curves", figure, caption))
    marked = frame[frame["fate"] != ""]
    if len(marked):
        panels, trials = _slices(study, state, marked)
        pictures.append(Picture("search-slices", slices_figure(trials, panels, **told), _slices_caption(goal)))
    return pictures


def _slices(study: Study, state: State, marked: pd.DataFrame) -> tuple[list[Slice], pd.DataFrame]:
    """A panel for each parameter, with the label that a person reads, and the trials with columns of these labels."""
    own, columns = study.own, {"value": marked["value"], "fate": marked["fate"]}
    panels = []
    for one in state.search.space:
        label = own.label(one.name) if own.label(one.name) not in columns else one.name
        known = marked[one.name].notna()
        if one.choices:
            columns[label] = marked[one.name].map(lambda value, name=one.name: own.describe(name, value)).where(known)
        else:
            columns[label] = marked[one.name].astype(float)
        panels.append(Slice(label, one.log, tuple(own.describe(one.name, choice) for choice in one.choices)))
    return panels, pd.DataFrame(columns)


def _audit_section(evidence: Evidence, state: State, goal: Goal, frame: pd.DataFrame) -> Section | None:
    lines = audit_frame(state, frame, goal)
    if not state.stopped or not any(str(name).startswith("at_") for name in lines):
        return None
    found = audit(lines, higher_is_better=goal.higher_is_better)
    drawn = [row for _, row in evidence.rows_of(AUDIT)]
    paragraphs = [
        "A rung stops a trial for the value it has reached so far; one that would have become good late is lost. A "
        "random sample of the stopped trials, the same number from each rung, is therefore trained to the end. This "
        "checks the rule; it is no second chance, although a good audited trial counts among the best.",
        *_not_audited(state, found, len(drawn)),
        *audit_words(found, metric=goal.words, unit=goal.unit),
    ]
    rungs = sorted(sorted(found.rungs, key=lambda rung: -rung.stopped)[:_PANELS], key=lambda rung: rung.epoch or 0)
    figure = audit_figure(
        lines,
        rungs=[rung.epoch for rung in rungs if rung.epoch is not None],
        metric=goal.label,
        unit=goal.unit,
        higher_is_better=goal.higher_is_better,
    )
    picture = Picture("search-audit", figure, _audit_caption(goal))
    return Section(
        "search-audited", "The audit of the rungs", paragraphs, sheets=[audit_sheet(found, goal)], pictures=[picture]
    )


def _not_audited(state: State, found: Audit, drawn: int) -> list[str]:
    if found.total.audited:
        left = drawn - found.total.audited
        return [f"{left} of {drawn} audited trials ended badly or have not ended yet."] if left else []
    if not state.search.audit:
        return ["The study has no audit (`audit: 0`)."]
    return ["The audit has not been run yet."]


def _progress_caption(goal: Goal) -> str:
    return (
        "Progress of the search: each mark is a trial where it ended, stopped or not, with the validation "
        f"{goal.words} that it had reached; the line is the best so far. Training time is summed over all trials, "
        "parallel or not, without validation and without the epochs that an audit added."
    )


def _curves_caption(goal: Goal, rungs: Sequence[int], *, replicates: int) -> str:
    where = f" Dotted: the rungs, after epochs {', '.join(map(str, rungs))}." if rungs else ""
    seed = ", with seed 0 alone: a rung decides by the mean over seeds" if replicates > 1 else ""
    return (
        f"Validation {goal.words} of all trials of the search{seed}.{where} Grey curves end where a rung stopped them; "
        "dashed curves are epochs that the audit added. Poor values before the first rung may be cut off."
    )


def _slices_caption(goal: Goal) -> str:
    return (
        f"Validation {goal.words} against each parameter: a mark for each trial that uses it, after the epochs that "
        "the search gave it; stopped trials (grey) had fewer. The other parameters vary freely: a panel shows where "
        "good trials lie, not what the parameter does."
    )


def _audit_caption(goal: Goal) -> str:
    return (
        f"Validation {goal.words} at a rung against the value at full length. Stopped trials whose full length is "
        "unknown are along the lower edge. The dashed line is the best survivor: audited trials better than that were "
        "stopped wrongly."
    )
