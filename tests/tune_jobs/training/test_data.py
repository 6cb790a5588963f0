"""Classes that a split leaves without a training row are said, and what reports show of validation parts is kept."""

from pathlib import Path

from data_utils import Declaration, describe
from tune_jobs.ledger.images import read_images
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.training.data import keep_validation, load_data, untrained_classes
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.user_code.modules import Code

SCALINGS = ("standard", "unit")


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


def test_images_are_kept_of_the_lowest_split_whatever_the_order(tmp_path: Path) -> None:
    ledger = Ledger.open(Storage.at(str(tmp_path)), create=True)
    configs = [TrialConfig(split_seed=seed, input_scaling=scaling) for seed in (3, 1, 2) for scaling in SCALINGS]
    data = load_data(configs, tmp_path, Code())
    keep_validation(ledger, configs, data)
    names = ledger.storage.names("validation")
    assert len(names) == len(configs) + 1
    kept = read_images(ledger.storage, data[data_slot(configs[0])].fingerprint, configs[0])
    assert kept is not None
    assert [one.split_seed for one in configs if kept.show(one)] == [1, 1]
    table = [TrialConfig(dataset="diabetes")]
    keep_validation(ledger, table, load_data(table, tmp_path, Code()))
    assert len(ledger.storage.names("validation")) == len(names) + 1
