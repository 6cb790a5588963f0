"""What a trial costs, relative to others."""

from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.cost import epoch_weight


def test_heavier_trials_weigh_more() -> None:
    light, heavy = TrialConfig(), TrialConfig(network="cnn", hidden_layers=3, hidden_units=64)
    assert epoch_weight(heavy) > epoch_weight(light) > 0
    assert epoch_weight(TrialConfig(batch_size=1)) > epoch_weight(TrialConfig(batch_size=64))
