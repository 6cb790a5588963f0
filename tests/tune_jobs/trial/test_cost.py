"""Rough costs of trials relative to each other."""

from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.cost import epoch_weight, longest_first
from tune_jobs.trial.trial import Trial


def test_heavier_trials_weigh_more() -> None:
    light, heavy = TrialConfig(), TrialConfig(network="cnn", hidden_layers=3, hidden_units=64)
    assert epoch_weight(heavy) > epoch_weight(light) > 0
    assert epoch_weight(TrialConfig(dropout=0.1)) == epoch_weight(TrialConfig(batch_norm=True)) > epoch_weight(light)
    assert epoch_weight(TrialConfig(batch_size=1)) > epoch_weight(TrialConfig(batch_size=64))


def test_the_longest_trial_starts_first() -> None:
    short, long, wide = (
        Trial(key, TrialConfig(hidden_units=units), epochs, frozenset({epochs}))
        for key, units, epochs in (("short", 8, 2), ("long", 8, 5), ("wide", 10_000, 2))
    )
    assert [trial.key for trial in longest_first([short, long, wide])] == ["wide", "long", "short"]
