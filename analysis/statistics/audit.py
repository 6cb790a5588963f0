"""What it cost to stop trials early: the audit of a search by successive halving.

A random sample of the trials that a rung stopped is trained to full length all the same. All survivors are observed;
the audited trials of a rung are a simple random sample, without replacement, of those that it stopped. Each rung is a
stratum, and an audited trial has the weight (stopped by its rung) / (audited of them).

- Rank correlation between the value at a rung and the final result, over all trials that reached the rung: Spearman's,
  with ranks and moments in which each trial counts by its weight. The interval is Fisher's, with Fieller's variance
  1.06 / (m - 3), where m is the effective number of trials, (Σ weights)² / Σ weights² (Kish, 1965). It is about trials
  like these, not about these trials alone.
- Chance that a stopped trial would have beaten the best survivor: the share of audited trials that did, with the exact
  interval of Clopper and Pearson (1934), about trials like these. How many of this search's stopped trials would have
  is a number in a finite population: its interval inverts the hypergeometric test, which knows that the audited trials
  are among the stopped ones.
- Over all rungs, that number is the sum of the rungs' estimates. Its interval contains every total whose parts the
  rungs' tests, combined by Fisher's method, do not reject. With one audited rung it is the rung's interval. The
  hypergeometric tests are discrete, and so all these intervals cover at least as often as they claim.

The best survivor is taken as it is: these intervals do not include that a single run varies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, chi2, hypergeom, norm, rankdata

from analysis.statistics.intervals import CONFIDENCE

Array = NDArray[np.float64]
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
    """What a rung stopped, and what the audit found about it.

    Attributes:
        epoch: of the rung; None for all rungs together.
        arrived: how many trials have a value at the rung; for all rungs together, how many the search has.
        stopped: how many of them this rung stopped.
        audited: how many of the stopped were trained to full length.
        correlation: rank correlation between the value at the rung and the final result; 1 where the rung ranks trials
            as their final results do. None where it is not known.
        correlation_reason: why it is not known, in words.
        beating: how many of the audited beat the best survivor.
        chance: that a trial like the stopped ones would have beaten it; None where none was audited.
        would_beat: how many of the stopped trials would have; None where there is no survivor to beat.
        loss: by how much the best audited trial beat the best survivor, in the metric's unit; 0 where none did. This
            is what stopping is known to have cost, a lower bound. None where there is nothing to compare.
        saved_epochs: epochs that stopping saved, before the audit.
        saved_seconds: training time that it saved, estimated.
        audit_epochs: epochs of these that the audit trained after all.
        audit_seconds: training time of these, estimated.
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
    """The audit of a search, rung by rung and over all rungs.

    Attributes:
        rungs: in the order of their epochs.
        total: over all rungs; it has no correlation, and its chance is the share of stopped trials that would beat.
        best_survivor: the best final result of a trial that was never stopped; None where there is none.
        survivors: how many trials were never stopped, including those that diverged.
    """

    rungs: tuple[RungAudit, ...]
    total: RungAudit
    best_survivor: float | None
    survivors: int


def audit(trials: pd.DataFrame, *, higher_is_better: bool) -> Audit:
    """Audit a search.

    Args:
        trials: a line for each trial, with columns rung (epoch of the rung that stopped it, NaN where none did), final
            (the metric at full length; NaN where it is not known), diverged (a diverged trial is worse than every
            other, and its final is ignored), at_<epoch> for each rung (the metric there, NaN where the trial did not
            get that far), audited, saved_epochs and saved_seconds (what stopping saved before any audit; 0 or NaN for
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


def finite_total(sizes: Sequence[int], samples: Sequence[int], hits: Sequence[int]) -> tuple[int, int]:
    """The 95% interval of how many hits all strata hold together.

    A total is in the interval if it is a sum of numbers of hits, one for each stratum, whose one-sided hypergeometric
    tests, combined by Fisher's method, are not rejected at 2.5%; for one stratum this is the exact interval of a finite
    population. A stratum without a sample, or sampled whole, has no test; the former may hold any number of hits.

    Args:
        sizes: how many items each stratum holds.
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
    """Spearman's correlation of trials [n] with weights [n], and its interval.

    None where all trials are equal in either value; with an effective number of 3 trials or fewer, the interval is −1
    to 1.
    """
    one, other, weight = (np.asarray(values, dtype=np.float64) for values in (first, second, weights))
    if len(weight) < 2 or np.all(one == one[0]) or np.all(other == other[0]):
        return None
    ranks = np.stack([_weighted_ranks(values, weight) for values in (one, other)])
    centred = ranks - np.average(ranks, axis=1, weights=weight)[:, None]
    moments = (centred * weight) @ centred.T
    value = float(np.clip(moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1]), -1.0, 1.0))
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    if effective <= 3:
        return Interval(value, -1.0, 1.0)
    middle = np.arctanh(np.clip(value, -_NEAR_ONE, _NEAR_ONE))
    half = norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(1.06 / (effective - 3))
    low, high = np.tanh([middle - half, middle + half])
    return Interval(value, min(float(low), value), max(float(high), value))


def _checked(trials: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """Check the trials and add `score`, higher is better: −inf where a trial diverged, NaN where it is not known."""
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
    chance = _chance(beating, n) if n and best is not None else None
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


def _chance(hits: int, n: int) -> Interval:
    """The share of hits, with its exact interval."""
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="exact")
    return Interval(hits / n, float(interval.low), float(interval.high))


def _arrived(frame: pd.DataFrame, epoch: int) -> pd.DataFrame:
    """The trials that the search brought to a rung; later rungs that an audited trial passes are not counted."""
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
        return None, f"no trial stopped at epoch {blind[0]} was audited, and survivors alone would mislead"
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
        correlation_reason="each rung has a correlation",
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
    """−2 log p of at most (`few`) or at least this many hits in a sample, by how many the stratum holds, [size + 1]."""
    held = np.arange(size + 1)
    possible = (held >= hits) & (held <= size - n + hits)
    if n in (0, size):
        return np.where(possible, 0.0, inf)
    p_values = hypergeom.cdf(hits, size, held, n) if few else hypergeom.sf(hits - 1, size, held, n)
    with np.errstate(divide="ignore"):
        return np.where(possible, -2 * np.log(p_values), inf)


def _added(surprises: Sequence[Array]) -> Array:
    """The least sum of surprises, by the number of hits that the strata hold together."""
    least = np.zeros(1)
    for of_stratum in surprises:
        sums = np.full(len(least) + len(of_stratum) - 1, inf)
        for held, surprise in enumerate(of_stratum):
            sums[held : held + len(least)] = np.minimum(sums[held : held + len(least)], least + surprise)
        least = sums
    return least


def _weighted_ranks(values: Array, weights: Array) -> Array:
    """Ranks in a line where each trial stands as often as its weight says: the middle of its places."""
    group = rankdata(values, method="dense").astype(int) - 1
    each = np.bincount(group, weights)
    return np.asarray((np.cumsum(each) - each / 2)[group])
