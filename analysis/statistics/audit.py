"""What stopping trials early has cost: the audit of a search by successive halving.

Of the trials that a rung stopped, a random sample is trained to full length all the same. The survivors are all
observed; the audited of a rung are a simple random sample, without replacement, of those that the rung stopped. Each
rung is a stratum, and an audited trial stands for as many as its rung stopped per audited one.

- Rank correlation of the value at a rung with the final result, over all trials that arrived there: Spearman's, of
  ranks and with moments that count each trial as often as it stands for. The interval is Fisher's, with Fieller's
  variance 1.06 / (m - 3) and m the effective number of trials, (Σ weights)² / Σ weights² (Kish, 1965): it is that of
  trials like these, not of these trials alone.
- Chance that a stopped trial would have beaten the best survivor: the share of the audited that did, with the interval
  of Clopper and Pearson (1934), that of trials like these. How many of the stopped trials of this search that would
  be is a number in a finite population: its interval inverts the hypergeometric test and knows that the audited are
  part of the stopped.
- Over all rungs, the number is the sum of the rungs' estimates. Its interval takes in every total that is the sum of
  numbers which the rungs' tests, combined by Fisher's method, do not reject. With one audited rung it is that rung's.
  The hypergeometric tests are discrete, so that all these intervals cover at least as often as they say.

The best survivor is taken as it is: that a single run varies by itself is not part of these intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, chi2, hypergeom, norm, rankdata

from analysis.statistics.intervals import CONFIDENCE
from analysis.text import format_number

Array = NDArray[np.float64]
# An interval of a chance that is wider than this is called too wide to say much.
_WIDE_CHANCE = 0.5
# A correlation of ±1 has no Fisher transform.
_NEAR_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RungAudit:
    """What a rung stopped, and what is known of it.

    Attributes:
        epoch: of the rung; None for all rungs together.
        arrived: trials with a value at the rung; of all rungs, trials in the search.
        stopped: of these, by this rung.
        audited: of the stopped, trained to full length.
        correlation: rank correlation of the value at the rung with the final result; 1 where the rung sees who will be
            best. None where it cannot be known, with the reason.
        correlation_reason: why there is none, in words.
        beating: how many of the audited beat the best survivor.
        chance: that a trial like the stopped ones would have beaten it; None where none was audited.
        would_beat: how many of the stopped trials would have; None where there is no survivor to beat.
        loss: best audited less best survivor, in the metric's unit and above 0 where the audited one is better, else
            0: the loss that the audit has seen, at least. None where there is nothing to compare.
        saved_epochs: that the stopped trials were spared, before the audit.
        saved_seconds: the same, estimated.
        audit_epochs: that the audit has spent of them again.
        audit_seconds: the same, estimated.
    """

    epoch: int | None
    arrived: int
    stopped: int
    audited: int
    correlation: Interval | None
    correlation_reason: str
    beating: int
    chance: Interval | None
    would_beat: Interval | None
    loss: float | None
    saved_epochs: float
    saved_seconds: float
    audit_epochs: float
    audit_seconds: float


@dataclass(frozen=True)
class Audit:
    """The audit of a search: by rung, and over all of them.

    Attributes:
        rungs: in the order of their epochs.
        total: over all rungs; has no correlation, and a chance only as the share of those that would beat.
        best_survivor: the best final result of a trial that was never stopped; None without one.
        survivors: trials that were never stopped, those that diverged included.
    """

    rungs: tuple[RungAudit, ...]
    total: RungAudit
    best_survivor: float | None
    survivors: int


def audit(trials: pd.DataFrame, *, higher_is_better: bool) -> Audit:
    """Return the audit of a search.

    Args:
        trials: a line for each trial, with columns rung (epoch of the rung that stopped it, NaN where none did), final
            (the metric at full length; NaN where it is not known), diverged (a trial that diverged is worse than every
            other, and final is ignored), at_<epoch> for each rung (the metric there, NaN where the trial did not
            get so far), audited, saved_epochs and saved_seconds (that stopping spared or would have, 0 or NaN for
            survivors).
        higher_is_better: the metric's direction.

    Raises:
        ValueError: there is no rung, a trial was stopped at a rung that has no column, a trial that no rung stopped is
            marked as audited, or a survivor or an audited trial has no final result.
    """
    frame = _checked(trials, higher_is_better)
    epochs = sorted(_rung_epochs(frame))
    finals = frame.loc[frame["rung"].isna(), "score"]
    best = float(finals.max()) if len(finals) and isfinite(finals.max()) else None
    rungs = tuple(_rung(frame, epoch, best, higher_is_better) for epoch in epochs)
    sign = 1.0 if higher_is_better else -1.0
    return Audit(rungs, _total(frame, rungs), None if best is None else sign * best, len(finals))


def audit_words(found: Audit, *, metric: str, unit: str) -> list[str]:
    """Return the audit in sentences, one for each rung and one for all: what is known, and what is left open.

    Args:
        found: of `audit`.
        metric: what the metric is called.
        unit: of it; differences of a percentage are written in points.
    """
    of = "points" if unit == "%" else unit
    lines = [f"Rung at epoch {rung.epoch}: {_words(rung, metric, of)}" for rung in found.rungs]
    if len(found.rungs) > 1:
        lines.append(f"All rungs: {_words(found.total, metric, of)}")
    return lines


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Return the exact 95% interval of a chance after so many hits in n; 0 to 1 where n is 0."""
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def finite_total(sizes: Sequence[int], samples: Sequence[int], hits: Sequence[int]) -> tuple[int, int]:
    """Return the 95% interval of how many hits there are in all strata together.

    A total is taken in where strata with so many hits in all exist whose one-sided hypergeometric tests, combined by
    Fisher's method, are not rejected at 2.5%; for one stratum that is the exact interval of a finite population.
    Strata without a sample, or sampled whole, have no test: the former may hold any number.

    Args:
        sizes: how many each stratum holds.
        samples: how many were drawn from it, without replacement.
        hits: how many of those were hits.
    """
    tested = sum(0 < n < size for size, n in zip(sizes, samples, strict=True))
    tail = (1 - CONFIDENCE) / 2
    limit = float(chi2.isf(tail, 2 * tested)) if tested else 0.0
    least = [_surprise(size, n, k, few=False) for size, n, k in zip(sizes, samples, hits, strict=True)]
    most = [_surprise(size, n, k, few=True) for size, n, k in zip(sizes, samples, hits, strict=True)]
    return int(np.flatnonzero(_added(least) <= limit)[0]), int(np.flatnonzero(_added(most) <= limit)[-1])


def weighted_rank_correlation(first: ArrayLike, second: ArrayLike, weights: ArrayLike) -> Interval | None:
    """Return Spearman's correlation of trials [n] that each stand for so many, with its interval.

    None where fewer than two trials differ in either; with an effective number of 3 trials or fewer, the interval is
    all of −1 to 1.
    """
    one, other, stand = (np.asarray(values, dtype=np.float64) for values in (first, second, weights))
    if len(stand) < 2 or np.all(one == one[0]) or np.all(other == other[0]):
        return None
    ranks = np.stack([_weighted_ranks(values, stand) for values in (one, other)])
    centred = ranks - np.average(ranks, axis=1, weights=stand)[:, None]
    moments = (centred * stand) @ centred.T
    value = float(np.clip(moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1]), -1.0, 1.0))
    effective = float(stand.sum() ** 2 / (stand**2).sum())
    if effective <= 3:
        return Interval(value, -1.0, 1.0)
    middle = np.arctanh(np.clip(value, -_NEAR_ONE, _NEAR_ONE))
    half = norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(1.06 / (effective - 3))
    low, high = np.tanh([middle - half, middle + half])
    return Interval(value, min(float(low), value), max(float(high), value))


def _checked(trials: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """Return the trials with `score`, higher is better: −inf where a trial diverged, NaN where it is not known."""
    frame = trials.reset_index(drop=True)
    known = _rung_epochs(frame)
    if not known:
        raise ValueError("trials: there is no column at_<epoch>; give one for each rung")
    stopped, audited = frame["rung"].notna(), frame["audited"].astype(bool)
    if unknown := sorted(set(frame.loc[stopped, "rung"].astype(int)) - known):
        raise ValueError(f"trials: stopped at epoch {unknown[0]}, but there is no column at_{unknown[0]}; give it")
    if (audited & ~stopped).any():
        raise ValueError("trials: one that no rung stopped is marked as audited; only stopped trials are audited")
    sign = 1.0 if higher_is_better else -1.0
    score = (sign * frame["final"].astype(float)).mask(frame["diverged"].astype(bool), -inf)
    seen = ~stopped | audited
    if score[seen].isna().any():
        raise ValueError("trials: a survivor or an audited trial has no final result; give it, or mark it as diverged")
    return frame.assign(audited=audited, score=score.where(seen))


def _rung_epochs(frame: pd.DataFrame) -> set[int]:
    return {int(name.removeprefix("at_")) for name in frame.columns.astype(str) if name.startswith("at_")}


def _rung(frame: pd.DataFrame, epoch: int, best: float | None, higher_is_better: bool) -> RungAudit:
    here = frame[frame["rung"] == epoch]
    drawn = here[here["audited"]]
    n, size = len(drawn), len(here)
    beating = 0 if best is None else int((drawn["score"] > best).sum())
    chance = Interval(beating / n, *clopper_pearson(beating, n)) if n and best is not None else None
    count = None
    if best is not None:
        count = Interval(size * beating / n if n else 0.0, *finite_total([size], [n], [beating]))
    correlation, reason = _correlation(frame, epoch, higher_is_better)
    return RungAudit(
        epoch=epoch,
        arrived=len(_arrived(frame, epoch)),
        stopped=size,
        audited=n,
        correlation=correlation,
        correlation_reason=reason,
        beating=beating,
        chance=chance,
        would_beat=count if n or not size else None,
        loss=None if best is None or not n else max(0.0, float(drawn["score"].max()) - best),
        **_saved(here, drawn),
    )


def _arrived(frame: pd.DataFrame, epoch: int) -> pd.DataFrame:
    """Return the trials that the search itself brought to a rung; audited ones pass later rungs for the audit alone."""
    return frame[frame[f"at_{epoch}"].notna() & ~(frame["rung"] < epoch)]


def _saved(here: pd.DataFrame, drawn: pd.DataFrame) -> dict[str, float]:
    return {
        f"{kind}_{unit}": float(lines[f"saved_{unit}"].fillna(0).sum())
        for kind, lines in (("saved", here), ("audit", drawn))
        for unit in ("epochs", "seconds")
    }


def _correlation(frame: pd.DataFrame, epoch: int, higher_is_better: bool) -> tuple[Interval | None, str]:
    arrived = _arrived(frame, epoch)
    strata = arrived[arrived["rung"].notna()].groupby("rung")["audited"].agg(["size", "sum"])
    blind = [int(rung) for rung in strata.index[strata["sum"] == 0]]
    if blind:
        return None, f"none of the trials stopped at epoch {blind[0]} was audited, and survivors alone do not tell"
    seen = arrived[arrived["score"].notna()]
    weights = seen["rung"].map(strata["size"] / strata["sum"]).fillna(1.0)
    sign = 1.0 if higher_is_better else -1.0
    found = weighted_rank_correlation(sign * seen[f"at_{epoch}"], seen["score"], weights)
    return found, "" if found else "fewer than two different results are known"


def _total(frame: pd.DataFrame, rungs: Sequence[RungAudit]) -> RungAudit:
    stopped, audited = sum(rung.stopped for rung in rungs), sum(rung.audited for rung in rungs)
    losses = [rung.loss for rung in rungs if rung.loss is not None]
    count = None
    if all(rung.would_beat is not None for rung in rungs):
        sizes = [[getattr(rung, name) for rung in rungs] for name in ("stopped", "audited", "beating")]
        count = Interval(sum(rung.would_beat.value for rung in rungs if rung.would_beat), *finite_total(*sizes))
    return RungAudit(
        epoch=None,
        arrived=len(frame),
        stopped=stopped,
        audited=audited,
        correlation=None,
        correlation_reason="rungs have correlations of their own",
        beating=sum(rung.beating for rung in rungs),
        chance=None
        if count is None or not stopped
        else Interval(count.value / stopped, count.low / stopped, count.high / stopped),
        would_beat=count,
        loss=max(losses) if losses else None,
        saved_epochs=sum(rung.saved_epochs for rung in rungs),
        saved_seconds=sum(rung.saved_seconds for rung in rungs),
        audit_epochs=sum(rung.audit_epochs for rung in rungs),
        audit_seconds=sum(rung.audit_seconds for rung in rungs),
    )


def _surprise(size: int, n: int, hits: int, *, few: bool) -> Array:
    """Return −2 log p of so few (or so many) hits in a sample, by how many the stratum holds, [size + 1]."""
    held = np.arange(size + 1)
    possible = (held >= hits) & (held <= size - n + hits)
    if n in (0, size):
        return np.where(possible, 0.0, inf)
    p_values = hypergeom.cdf(hits, size, held, n) if few else hypergeom.sf(hits - 1, size, held, n)
    with np.errstate(divide="ignore"):
        return np.where(possible, -2 * np.log(p_values), inf)


def _added(surprises: Sequence[Array]) -> Array:
    """Return the least sum of surprises by the total that strata hold together."""
    least = np.zeros(1)
    for own in surprises:
        ends = np.full(len(least) + len(own) - 1, inf)
        for held, surprise in enumerate(own):
            ends[held : held + len(least)] = np.minimum(ends[held : held + len(least)], least + surprise)
        least = ends
    return least


def _weighted_ranks(values: Array, weights: Array) -> Array:
    """Return the middle of the places that trials take in a line in which each stands so many times."""
    group = rankdata(values, method="dense").astype(int) - 1
    each = np.bincount(group, weights)
    return np.asarray((np.cumsum(each) - each / 2)[group])


def _words(rung: RungAudit, metric: str, unit: str) -> str:
    """Return what is known of a rung."""
    if not rung.stopped:
        return f"{rung.arrived} trials arrived, none was stopped."
    saved = f"{_duration(rung.saved_seconds)} and {format_number(rung.saved_epochs, 0)} epochs"
    spent = f", of which the audit spent {format_number(rung.audit_epochs, 0)} epochs again" if rung.audited else ""
    head = f"{rung.stopped} of {rung.arrived} trials were stopped, which saved {saved}{spent}"
    if not rung.audited:
        return f"{head}; none was audited, so that nothing is known of what they would have become."
    tail = [f"{rung.audited} were audited, {rung.beating} of them beat the best survivor"]
    if rung.would_beat is None or rung.chance is None:
        reason = "no survivor ended well" if rung.loss is None else "a rung was not audited"
        tail = [f"{rung.audited} were audited; how many would have beaten the best survivor is not known ({reason})"]
    else:
        count, chance = rung.would_beat, rung.chance
        wide = ", too few audited to say much" if chance.high - chance.low > _WIDE_CHANCE else ""
        tail.append(
            f"of all stopped, an estimated {count.value:.3g} would have ({count.low:.0f} to {count.high:.0f}; "
            f"chance {chance.low:.0%} to {chance.high:.0%}{wide})"
        )
        tail.append(_loss_words(rung, metric, unit))
    if rung.correlation is not None:
        found = rung.correlation
        tail.append(
            f"rank correlation of the value here with the final one {format_number(found.value, 2)} "
            f"({format_number(found.low, 2)} to {format_number(found.high, 2)})"
        )
    elif rung.epoch is not None:
        tail.append(f"no rank correlation: {rung.correlation_reason}")
    return f"{head}; {'; '.join(tail)}."


def _loss_words(rung: RungAudit, metric: str, unit: str) -> str:
    if not rung.loss:
        return "no audited trial was better, which leaves those open that were not audited"
    return f"the best audited one was better by {format_number(rung.loss, 2)} {unit}".rstrip() + f" of {metric}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
