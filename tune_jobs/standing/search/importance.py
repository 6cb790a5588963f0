"""Which hyperparameters matter, and which act together: functional ANOVA of a forest that is fitted to the trials.

A forest predicts the metric over the whole space; its variance over the space, every setting being as likely as every
other, is split into main effects of the parameters, effects of pairs beyond them, and the rest (Hutter, Hoos,
Leyton-Brown, 2014). They split the variance of each tree; here it is that of the forest's mean prediction, so that
what differs from tree to tree is not called importance: the mean covariance of trees that were grown on different
resamples of the trials. Shares describe the forest: the out-of-bag R² says how much of the trials it explains. It is
measured where the trials lie, and a search looks more closely at good settings than at bad ones.

Interval. The trials are resampled with replacement and the whole forest is fitted again. The 2.5 and 97.5% quantiles
of the resamples' shares, moved by the estimate less their mean (a resample has fewer different trials, which biases
its forest), and cut at 0 and 1, are the interval. It says how much the number owes to the trials that happened to be
drawn, and is rather too wide, since a resample varies more than new trials do; that a forest of so many trials smooths
what it has seen too rarely, it cannot say. Where the R² is near 0 or below, the shares are those of noise, and the
interval covers them less often than 95%.

Null band. A forest finds some importance in noise. The values are permuted and a forest is fitted to each permutation:
how large would the shares of main effects be were there nothing to find? For pairs, there is nothing to find where
the main effects explain all but noise: what they leave unexplained, out of bag, is permuted and added to them again
(Freedman and Lane, 1983). Both are variances as shares of the forest's own: shares of a forest of noise add up to one
like any others. The bands hold for all main effects at once, and for all pairs at once (Westfall and Young,
1993: the largest standardised share of each permutation). With strong effects about, the band of main effects is too
wide rather than too narrow, since permuted values keep all their variance as noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.tree import DecisionTreeRegressor

from tune_jobs.standing.search.boxes import Boxes, Layout, boxes, covariances

Array = NDArray[np.float64]
CONFIDENCE = 0.95
# Where no permutation has any effect of a kind, the null band is no band; smaller shares than this matter to nobody.
LEAST_SHARE = 0.01
# Fewer trials leave a tree nothing to split.
FEWEST_TRIALS = 10
_LEAF = 3
_FEATURES = 0.6
# Permutations that agree up to rounding have no spread to standardise by.
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Effect:
    """The importance of a parameter, or of two together beyond what each does alone.

    Attributes:
        columns: of the points: one for a main effect, two for a pair.
        share: of the forest's variance, 0 to 1.
        low: lower end of the 95% interval over resamples of the trials.
        high: its upper end.
        null_mean: the mean share were there nothing to find.
        null_high: the upper end of the null band: 5% of permutations have any effect of this kind beyond its own.
        p_value: of there being nothing to find, corrected for the number of effects of this kind.
    """

    columns: tuple[int, ...]
    share: float
    low: float
    high: float
    null_mean: float
    null_high: float
    p_value: float

    @property
    def shown(self) -> bool:
        """Whether the share lies above the null band, and is one that could matter."""
        return self.share > self.null_high and self.share >= LEAST_SHARE


@dataclass(frozen=True)
class Importance:
    """What matters in a space, as shares of the variance of a forest.

    Attributes:
        mains: one for each column, in order.
        pairs: one for each pair of columns, in the order of `itertools.combinations`.
        rest: the share of effects of three or more columns together.
        r_squared: out of bag: 1 is a forest that predicts trials it has not seen exactly; 0 or less one that
            predicts them no better than their mean, which says nothing about importance.
        n: number of trials.
        resamples: number of resamples of the trials.
        permutations: number of permutations of the null bands.
    """

    mains: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    rest: float
    r_squared: float
    n: int
    resamples: int
    permutations: int


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How many forests are grown, and how large they are: the more, the less the numbers vary from seed to seed.

    Attributes:
        trees: of the forest whose shares are the estimate.
        resamples: of the trials, for the intervals.
        permutations: of the values, for each null band.
        few_trees: of each forest on a resample or a permutation.
    """

    trees: int = 128
    resamples: int = 80
    permutations: int = 100
    few_trees: int = 12


FULL_EFFORT = Effort()


def functional_anova(
    points: ArrayLike, levels: Sequence[int], values: ArrayLike, *, seed: int, effort: Effort = FULL_EFFORT
) -> Importance:
    """Return the shares of main effects and pairs, with intervals and null bands; the same seed gives the same bits.

    Args:
        points: the trials, [n, columns]: a range from 0 to 1 in its own (logarithmic) scale, a choice as codes from 0.
            A parameter that a trial does not use has its default.
        levels: by column, 0 for a range or the number of categories of a choice.
        values: of the metric, [n], finite: of a trial that diverged, the caller says what it is worth.
        seed: of resamples, trees and permutations.
        effort: how many forests are grown.

    Raises:
        ValueError: points, levels and values do not belong together or leave their domain; fewer than 10 trials; or
            all values are equal.
    """
    space = Layout.of(tuple(int(k) for k in levels))
    spots, worth = _checked(points, space.levels, values)
    rng = np.random.default_rng(seed)
    scaled = (worth - worth.mean()) / (worth.std() or 1.0)
    n, d = spots.shape
    grower = _Grower(space, spots, rng)
    forest = grower.forest(scaled, effort.trees)
    drawn = rng.integers(n, size=(effort.resamples, n))
    again = np.stack([_shares(grower.forest(scaled, effort.few_trees, rows)) for rows in drawn])
    shuffled = [rng.permutation(scaled) for _ in range(effort.permutations)]
    predicted, additive = _out_of_bag(forest, spots)
    unexplained = scaled - additive
    no_pairs = [additive + rng.permutation(unexplained) for _ in range(effort.permutations)]
    total, _ = _variances(forest)
    shares = _shares(forest)
    null_mains, null_pairs = (
        np.stack([_variances(grower.forest(values, effort.few_trees))[1] for values in null])
        / (total if total > 0 else inf)
        for null in (shuffled, no_pairs)
    )
    mains: list[tuple[int, ...]] = [(column,) for column in range(d)]
    pairs: list[tuple[int, ...]] = list(combinations(range(d), 2))
    return Importance(
        mains=_effects(mains, shares[:d], again[:, :d], null_mains[:, :d]),
        pairs=_effects(pairs, shares[d:], again[:, d:], null_pairs[:, d:]),
        rest=float(np.clip(1.0 - shares.sum(), 0.0, 1.0)),
        r_squared=1.0 - float(((scaled - predicted) ** 2).mean()),
        n=n,
        resamples=effort.resamples,
        permutations=effort.permutations,
    )


@dataclass(frozen=True, eq=False)
class _Grown:
    """A tree, which trials it has not seen, bool [n], and what it predicts for those."""

    boxes: Boxes
    unseen: NDArray[np.bool_]
    predicted: Array


class _Grower:
    """Grows forests on the same trials again and again."""

    def __init__(self, space: Layout, points: Array, rng: np.random.Generator) -> None:
        self._space = space
        self._features = space.features(points)
        self._rng = rng

    def forest(self, values: Array, trees: int, drawn: NDArray[np.int64] | None = None) -> list[_Grown]:
        """Grow trees, each on another resample of the values [n], or of the rows that were drawn."""
        n = len(values)
        rows = np.arange(n) if drawn is None else drawn
        # To check the same settings for each of some thousand trees takes a fifth of the time.
        with config_context(skip_parameter_validation=True):
            return [
                self._tree(values, np.bincount(rows[self._rng.integers(n, size=n)], minlength=n)) for _ in range(trees)
            ]

    def _tree(self, values: Array, counts: NDArray[np.int64]) -> _Grown:
        """Return a tree of which each leaf holds several different trials."""
        seen = counts > 0
        state = int(self._rng.integers(2**31))
        tree = DecisionTreeRegressor(min_samples_leaf=_LEAF, max_features=_FEATURES, random_state=state)
        tree.fit(self._features[seen], values[seen], sample_weight=counts[seen].astype(np.float64), check_input=False)
        return _Grown(boxes(tree.tree_, self._space), ~seen, tree.tree_.predict(self._features[~seen]).reshape(-1))


def _variances(forest: Sequence[_Grown]) -> tuple[float, Array]:
    """Return the forest's variance, and those of main effects and pairs [effects]: of each tree with the next."""
    parts = [covariances(one.boxes, other.boxes) for one, other in pairwise([*forest, forest[0]])]
    upper = np.triu_indices(len(parts[0].mains), 1)
    effects = np.mean([np.concatenate([part.mains, part.pairs[upper]]) for part in parts], axis=0)
    # Covariances of noise may fall below 0, variances may not.
    return float(np.mean([part.total for part in parts])), np.maximum(effects, 0.0)


def _shares(forest: Sequence[_Grown]) -> Array:
    """Return the shares of main effects and pairs, [effects]; 0 where the forest does not vary."""
    total, effects = _variances(forest)
    return np.asarray(np.minimum(effects / total, 1.0) if total > 0 else np.zeros_like(effects))


def _out_of_bag(forest: Sequence[_Grown], points: Array) -> tuple[Array, Array]:
    """Return each trial's prediction by the trees that have not seen it, and that of their main effects, [n] each.

    A trial that all trees have seen has 0, the mean.
    """
    predicted, additive, count = np.zeros(len(points)), np.zeros(len(points)), np.zeros(len(points))
    for tree in forest:
        predicted[tree.unseen] += tree.predicted
        additive[tree.unseen] += tree.boxes.additive(points[tree.unseen])
        count += tree.unseen
    return predicted / np.maximum(count, 1), additive / np.maximum(count, 1)


def _effects(columns: Sequence[tuple[int, ...]], shares: Array, again: Array, null: Array) -> tuple[Effect, ...]:
    """Return the effects; shares [effects], again [resamples, effects], null [permutations, effects]."""
    if not columns:
        return ()
    tail = (1 - CONFIDENCE) / 2
    low, high = np.clip(np.quantile(again, [tail, 1 - tail], axis=0) + shares - again.mean(axis=0), 0.0, 1.0)
    centre, spread = null.mean(axis=0), np.maximum(null.std(axis=0, ddof=1), _NO_SPREAD)
    largest = ((null - centre) / spread).max(axis=1)
    band = np.minimum(centre + np.quantile(largest, CONFIDENCE, method="higher") * spread, 1.0)
    extreme = (largest[:, None] >= (shares - centre) / spread).sum(axis=0)
    p_values = (1 + extreme) / (1 + len(null))
    numbers = [shares, np.minimum(low, shares), np.maximum(high, shares), np.minimum(centre, 1.0), band, p_values]
    return tuple(Effect(own, *row) for own, row in zip(columns, np.stack(numbers, axis=1).tolist(), strict=True))


def _checked(points: ArrayLike, levels: tuple[int, ...], values: ArrayLike) -> tuple[Array, Array]:
    spots, worth = np.asarray(points, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if spots.ndim != 2 or spots.shape[1] != len(levels) or not levels or worth.shape != spots.shape[:1]:
        raise ValueError(
            f"points, levels and values: {spots.shape}, {len(levels)} and {worth.shape} do not belong together; give "
            "[n, columns], one level count for each column, and [n]"
        )
    if len(worth) < FEWEST_TRIALS:
        raise ValueError(f"points: {len(worth)} trials are too few for a forest; give at least {FEWEST_TRIALS}")
    if not np.isfinite(worth).all():
        raise ValueError("values: not all are finite; say what a trial that diverged is worth, or leave it out")
    for column, k in enumerate(levels):
        own = spots[:, column]
        fits = np.isin(own, np.arange(k)) if k else (own >= 0) & (own <= 1)
        if k < 0 or k == 1 or not fits.all():
            rule = f"codes 0 to {k - 1}" if k > 1 else "0 to 1, with levels 0; a choice has at least 2 categories"
            raise ValueError(f"points: column {column} with levels {k} leaves its domain; give {rule}")
    if np.ptp(worth) == 0:
        raise ValueError(f"values: all are {worth[0]}; there is no variance to split")
    return spots, worth
