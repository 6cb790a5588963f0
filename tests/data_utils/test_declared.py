"""What a study file may say of a dataset, and what it is told otherwise."""

from typing import Any

import pytest

from data_utils import DatasetError, Declaration

TABLE = {"file": "wine.csv", "target": "quality"}
FULL: list[dict[str, Any]] = [
    {
        **TABLE,
        "inputs": ["acidity", "colour"],
        "ignore": ["id"],
        "categorical": ["colour"],
        "missing": "median",
        "task": "regression",
        "target_unit": "points",
        "label": "Wine",
        "test_share": 0.3,
        "validation_rows": 100,
    },
    {"file": "wine.Parquet", "target": "quality", "test_file": "test.csv"},
    {
        **TABLE,
        "ignore": ["auto", "id"],
        "categorical": [],
        "dates": ["bottled"],
        "day_first": False,
        "missing_target": "leave_out",
        "missing_marks": ["-", "-999"],
    },
    {**TABLE, "ignore": ["auto", "id"], "categorical": ["auto", "colour"]},
    {"file": "wine.npz", "inputs": "images", "target": "labels", "test_file": "test.npz"},
    {"folder": "leaves/", "image_size": [32, 24], "color": "gray", "test_folder": "more"},
    {"function": "my.data:rings", "task": "classification", "missing": "mean"},
]


@pytest.mark.parametrize("mapping", FULL)
def test_what_is_declared_is_kept_as_plain_values(mapping: dict[str, Any]) -> None:
    declaration = Declaration.from_mapping("wine", mapping)
    assert declaration == Declaration.from_mapping("wine", declaration.to_mapping())
    assert hash(declaration) is not None
    kept = declaration.to_mapping()
    assert set(kept) == set(mapping)
    assert {key: kept[key] for key in kept if key != "inputs"} == {
        key: value for key, value in mapping.items() if key != "inputs"
    }


def test_auto_is_what_a_key_is_without_a_value() -> None:
    keys = ("ignore", "categorical", "dates", "missing", "missing_target", "missing_marks")
    mapping = {**TABLE, **dict.fromkeys(keys, "auto")}
    assert Declaration.from_mapping("wine", mapping) == Declaration.from_mapping("wine", TABLE)


def test_a_key_without_a_value_is_one_that_is_not_there() -> None:
    assert Declaration.from_mapping("wine", {**TABLE, "label": None}) == Declaration.from_mapping("wine", TABLE)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"fiel": "wine.csv"}, r"datasets\.wine\.fiel: unknown key; did you mean file\?"),
        ({"qqq": 1}, r"datasets\.wine\.qqq: unknown key; the keys are file, folder, function, target"),
        ({3: 1}, r"datasets\.wine\.3: unknown key"),
        ({"target": "quality"}, r"datasets\.wine: exactly one of file, folder and function must be given, and none is"),
        ({**TABLE, "folder": "x"}, r"datasets\.wine: exactly one of .* must be given, not file and folder"),
        ({"file": "wine.csv"}, r"datasets\.wine\.target: is missing; name the column of wine\.csv"),
        ({**TABLE, "file": "wine.xlsx"}, r"wine\.file: must end in \.csv, \.parquet, \.npz, not 'wine\.xlsx'"),
        ({**TABLE, "file": 3}, r"wine\.file: must be text, not 3"),
        ({**TABLE, "label": " "}, r"wine\.label: must be text, not ' '"),
        ({**TABLE, "inputs": [2020]}, r"wine\.inputs: must be a list of names \(put numbers in quotes\)"),
        ({**TABLE, "inputs": {"a": 1}}, r"wine\.inputs: must be a list of names"),
        ({**TABLE, "ignore": ["id", "id"]}, r"wine\.ignore: contains id twice"),
        ({**TABLE, "ignore": "quality"}, r"wine\.ignore: contains quality, which is the target"),
        ({**TABLE, "inputs": ["a"], "ignore": ["a"]}, r"wine\.ignore: contains a, which is also listed in inputs"),
        (
            {**TABLE, "inputs": ["a"], "categorical": ["b"]},
            r"wine\.categorical: contains b, which is not listed in inputs",
        ),
        (
            {**TABLE, "ignore": ["b"], "categorical": ["b"]},
            r"wine\.categorical: contains b, which is also listed in ignore",
        ),
        (
            {**TABLE, "dates": ["b"], "categorical": ["b"]},
            r"wine\.dates: contains b, which is also listed in categorical",
        ),
        ({**TABLE, "dates": "quality"}, r"wine\.dates: contains quality, which is the target"),
        ({**TABLE, "missing_marks": [-999]}, r"wine\.missing_marks: must be a list of names \(put numbers in quotes\)"),
        ({**TABLE, "day_first": "yes"}, r"wine\.day_first: must be true or false, not 'yes'"),
        ({"file": "a.npz", "dates": ["when"]}, r"wine\.dates: does not go with an npz file"),
        ({**TABLE, "missing": "zero"}, r"wine\.missing: must be one of error, mean, median, most_frequent, not 'zero'"),
        ({**TABLE, "task": ["regression"]}, r"wine\.task: must be one of classification, regression, not \['reg"),
        ({**TABLE, "test_share": 20}, r"wine\.test_share: must be a number between 0 and 1, not 20"),
        ({**TABLE, "test_share": True}, r"wine\.test_share: must be a number between 0 and 1, not True"),
        ({**TABLE, "validation_rows": 0}, r"wine\.validation_rows: must be a whole number, 1 or more, not 0"),
        ({**TABLE, "validation_rows": 2.5}, r"wine\.validation_rows: must be a whole number, 1 or more, not 2\.5"),
        ({**TABLE, "test_file": "t.csv", "test_share": 0.1}, r"wine\.test_share: does not go with test_file"),
        ({**TABLE, "test_file": "t.npz"}, r"wine\.test_file: must have the format of file: wine\.csv, not t\.npz"),
        ({**TABLE, "color": "gray"}, r"wine\.color: does not go with a CSV or Parquet file; leave it out"),
        ({"file": "a.npz", "ignore": ["id"]}, r"wine\.ignore: does not go with an npz file"),
        ({"file": "a.npz", "inputs": ["x", "z"]}, r"wine\.inputs: must name a single array of the npz file, not x, z"),
        ({"folder": "a", "target": "y"}, r"wine\.target: does not go with an image folder"),
        ({"folder": "a", "image_size": 32}, r"wine\.image_size: must be \[height, width\] in pixels, .* not 32"),
        ({"folder": "a", "image_size": [32, 0]}, r"wine\.image_size: must be a whole number, 1 or more, not 0"),
        ({"folder": "a", "color": "blue"}, r"wine\.color: must be one of rgb, gray, not 'blue'"),
        ({"function": "rings"}, r"wine\.function: must be module:function, such as mydata:wine, not 'rings'"),
        ({"function": "a:b", "target": "y"}, r"wine\.target: does not go with a function"),
        ({**TABLE, "task": "classification", "target_unit": "m"}, r"wine\.target_unit: classes have no unit"),
        ("wine.csv", r"datasets\.wine: must be a mapping, such as file: wine\.csv, not 'wine\.csv'"),
    ],
)
def test_a_mistake_is_named_by_its_key(mapping: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        Declaration.from_mapping("wine", mapping)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["my:wine", "", "3", "a b"])
def test_a_name_is_one_word(name: str) -> None:
    with pytest.raises(
        DatasetError, match="a name must start with a letter or _ and consist of letters, digits, _ and -"
    ):
        Declaration.from_mapping(name, TABLE)
