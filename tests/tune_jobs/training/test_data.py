"""Classes that a split leaves without a training row are said."""

from pathlib import Path

from data_utils import Declaration, describe
from tune_jobs.training.data import load_data, untrained_classes
from tune_jobs.trial.config import TrialConfig
from tune_jobs.user_code.modules import Code


def test_classes_without_a_training_row_are_said_with_their_splits(tmp_path: Path) -> None:
    rows = [f"{row},{'ab'[row % 2]}" for row in range(60)] + ["900,rare", "901,rare", "902,rare"]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows))
    info = describe(
        Declaration.from_mapping("mine", {"file": "t.csv", "target": "y", "validation_rows": 25}), folders=[tmp_path]
    )
    configs = [TrialConfig(dataset="mine", info=info, split_seed=seed, seed=7) for seed in range(40)]
    data = load_data(configs, tmp_path, Code())
    rare = info.class_names.index("rare")
    seeds = [
        config.split_seed
        for config, part in zip(configs, data.values(), strict=True)
        if rare in part.validation_targets and rare not in part.train_targets
    ]
    assert 0 < len(seeds) < 40
    shown = ", ".join(map(str, seeds[:5])) + (", …" if len(seeds) > 5 else "")
    assert untrained_classes(configs, data) == [
        f"mine: no training row has the class rare with split_seed {shown}, so it is not learnt there"
    ]


def test_many_such_classes_are_one_line_each_up_to_five(tmp_path: Path) -> None:
    configs = [TrialConfig(validation_rows=1434, batch_size=1)]
    lines = untrained_classes(configs, load_data(configs, tmp_path, Code()))
    assert len(lines) == 6
    assert lines[-1].startswith("and ")
    assert "Digits: no training row has the class " in lines[0]
    usual = [TrialConfig()]
    assert untrained_classes(usual, load_data(usual, tmp_path, Code())) == []
