"""Tables are read as a person would read them; what is a guess is said, and may be declared instead."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils import DatasetError, DatasetInfo, Declaration, describe, fingerprint, load_test_data, load_trial_data
from data_utils.separators import UnusableTableError, find_separator
from data_utils.tables import read_table
from tests.data_utils.public_tables import TABLES


def described(folder: Path, text: str, **keys: Any) -> DatasetInfo:
    (folder / "t.csv").write_text(text, encoding="utf-8", newline="")
    return describe(Declaration.from_mapping("mine", {"file": "t.csv", **keys}), folders=[folder])


def said(info: DatasetInfo) -> str:
    return "\n".join(one.in_words() for one in info.taken)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_public_table_needs_its_file_and_its_target_alone(name: str, tmp_path: Path) -> None:
    table = TABLES[name]()
    info = described(tmp_path, table.text, target=table.target)
    assert (info.task, info.development_rows + info.test_rows) == (table.task, table.rows)
    assert info.input_shape == (table.inputs,)
    assert info.declared is not None
    assert {key: getattr(info.declared, key) for key in table.settled} == table.settled
    data = load_trial_data(info, data_dir=tmp_path)
    assert np.isfinite(data.train_inputs).all()
    # With all that was guessed written out, it is the same dataset, and nothing is left to guess.
    spelled_out = {"target": table.target, "task": info.task, "ignore": [], "categorical": [], "dates": []}
    spelled_out |= {"missing": "error", "missing_marks": [], **info.declared.to_mapping()}
    again = described(tmp_path, table.text, **spelled_out)
    assert fingerprint(again, data_dir=tmp_path) == data.fingerprint == fingerprint(info, data_dir=tmp_path)
    assert not again.taken or name in ("penguins", "baseball")  # whose first column has no name


def test_each_guess_is_said_with_what_to_write_instead(tmp_path: Path) -> None:
    lines = said(described(tmp_path, TABLES["titanic"]().text, target="Survived")).splitlines()
    assert lines == [
        "Survived, the target, has 2 different whole numbers, which means classification; "
        "otherwise write task: regression",
        "the first column, PassengerId, only numbers the rows and is left out; to read it, write ignore: []",
        "words are categories: Sex (2), Embarked (3); to leave one out, write ignore: [auto, Sex]",
        "words that differ from row to row are left out: Name (300), Ticket (300), Cabin (60); "
        "to read one, write categorical: [auto, Name]",
        "missing numbers become the median of the training rows, missing categories are 0 everywhere: Age (50), "
        "Embarked (1); otherwise write missing: mean, most_frequent or error",
    ]
    marks = said(described(tmp_path, TABLES["cars"]().text, target="mpg"))
    assert "'?' is a missing value: horsepower (2); otherwise write missing_marks: []" in marks
    dates = said(described(tmp_path, TABLES["sales"]().text, target="Umsatz, EUR"))
    assert "dates are read as days since 1970: Datum; otherwise write dates: []" in dates
    salaries = said(described(tmp_path, TABLES["baseball"]().text, target="Salary"))
    assert "40 of 200 rows have no Salary, the target, and are left out" in salaries
    assert "the first column, which has no name and only numbers the rows, is left out" in salaries


def test_what_is_said_is_cut_on_a_terminal_and_kept_whole_with_the_description(tmp_path: Path) -> None:
    info = described(tmp_path, TABLES["houses"]().text, target="SalePrice")
    line = next(one for one in info.taken if one.what == "words are categories")
    assert line.in_words(3).startswith(
        "words are categories: Word0 (2), Word1 (3), Word2 (4), and 39 more; to leave one"
    )
    again = DatasetInfo.from_dict(info.to_dict())
    assert (again.taken, again) == (info.taken, info)


@pytest.mark.parametrize(
    ("keys", "settled"),
    [
        ({"ignore": []}, {"ignore": ("Name", "Ticket", "Cabin")}),
        ({"categorical": ["auto", "Pclass"]}, {"categorical": ("Pclass", "Sex", "Embarked")}),
        ({"categorical": ["auto", "Cabin"]}, {"categorical": ("Cabin", "Sex", "Embarked")}),
        ({"inputs": ["Sex", "Age"]}, {"categorical": ("Sex",), "ignore": None, "missing": "median"}),
        ({"ignore": ["auto", "Sex"]}, {"ignore": ("Sex", "PassengerId", "Name", "Ticket", "Cabin")}),
        ({"ignore": ["Sex"]}, {"ignore": ("Sex", "Name", "Ticket", "Cabin"), "categorical": ("Embarked",)}),
        ({"missing": "mean"}, {"missing": "mean", "categorical": ("Sex", "Embarked")}),
        ({"task": "regression"}, {"task": "regression"}),
    ],
)
def test_what_is_declared_is_not_guessed(keys: dict[str, Any], settled: dict[str, Any], tmp_path: Path) -> None:
    info = described(tmp_path, TABLES["titanic"]().text, target="Survived", **keys)
    assert {key: getattr(info.declared, key) for key in settled} == settled


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"categorical": []}, "in row 1, Name must be a number, not 'Family0, Mr. Given'; list Name under categorical"),
        ({"missing": "error"}, r"in row 4, Age has no value \(50 rows in all\); write missing: mean"),
        ({"dates": ["Sex"]}, r"in row 1, Sex must be a date, written as in the other rows, not '(fe)?male'"),
        ({"dates": ["Sex"], "categorical": ["Sex"]}, r"dates: contains Sex, which is also listed in categorical"),
        ({"day_first": 1}, "day_first: must be true or false, not 1"),
        ({"missing_target": "drop"}, "missing_target: must be one of error, leave_out, not 'drop'"),
    ],
)
def test_what_is_declared_and_is_not_so_gets_one_line(keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        described(tmp_path, TABLES["titanic"]().text, target="Survived", **keys)
    assert "\n" not in str(caught.value)


def column(cells: list[object]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([["a", "b", "y"], *([cell, row, row + 0.5] for row, cell in enumerate(cells))])
    return text.getvalue()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["red", "blue"] * 30, "words"),
        ([1, 2, "3+"] * 20, "words"),
        (["2020-01-31", "2021-12-01"] * 30, "date"),
        (["2020-01-31 10:00:00", "2021-12-01 11:30:00"] * 30, "date"),
        (["31/01/2020", "01/02/2020"] * 30, "date"),
        (["Jan 31, 2020", "May 1, 2020", ""] * 20, "date"),
        (["1.5", "?", "-", "."] * 15, "number"),
        (["1,5", "?", "2,25", "NA"] * 15, "number"),
        (["TRUE", "false", ""] * 20, "number"),
        ([f"name {row}" for row in range(60)], "left out"),
        ([f"name {row % 40}" for row in range(60)], "left out"),
        ([f"name {row % 10}" for row in range(60)], "words"),
    ],
)
def test_a_column_is_taken_as_what_it_is(cells: list[object], kind: str, tmp_path: Path) -> None:
    info = described(tmp_path, column(cells), target="y")
    declared = info.declared
    assert declared is not None
    found = {"words": declared.categorical, "date": declared.dates, "left out": declared.ignore}
    assert {kind for kind, names in found.items() if names} == ({kind} - {"number"})


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["$1.50", "$2.25"] * 30, r"a must be a number, not '\$1.50'"),
        (["1,234", "5,678"] * 30, r"a must be a number, not '1,234'"),
        ([*range(40), *["unknown"] * 20], r"a must be a number, not 'unknown'; .* write missing_marks: \['unknown'\]"),
        (["03/04/2020", "05/06/2020"] * 30, r"in row 1, a is '03/04/2020', which is a date in two ways; write day_fir"),
    ],
)
def test_what_could_be_either_is_refused(cells: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        described(tmp_path, column(cells), target="y")


def test_the_advice_on_cells_that_could_be_either_helps(tmp_path: Path) -> None:
    known = described(tmp_path, column([*range(40), *["unknown"] * 20]), target="y", missing_marks=["unknown"])
    assert (known.input_shape, known.declared and known.declared.missing) == ((2,), "median")
    numbers = described(tmp_path, column([*range(40), *[-999] * 20]), target="y", missing_marks=["-999"])
    data = load_trial_data(numbers, data_dir=tmp_path)
    assert data.input_fill is not None
    assert 0 <= data.input_fill[0] < 40
    dated = column(["03/04/2020", "05/06/2020"] * 30)
    prints = {
        fingerprint(described(tmp_path, dated, target="y", day_first=first), data_dir=tmp_path)
        for first in (True, False)
    }
    assert len(prints) == 2


def test_dates_are_days_and_parquet_keeps_them(tmp_path: Path) -> None:
    days = pd.date_range("1970-01-02", periods=40, freq="D")
    pd.DataFrame({"when": days, "y": np.arange(40) + 0.5}).to_parquet(tmp_path / "t.parquet")
    info = describe(Declaration.from_mapping("mine", {"file": "t.parquet", "target": "y"}), folders=[tmp_path])
    assert info.declared is not None
    assert info.declared.dates == ("when",)
    data = load_trial_data(info, data_dir=tmp_path)
    found = data.train_inputs[:, 0] * data.input_scale[0] + data.input_offset[0]
    targets = data.train_targets * data.target_std + data.target_mean
    np.testing.assert_allclose(found, targets + 0.5, rtol=1e-4)


def test_a_mark_is_a_class_where_the_target_is_declared_to_be_one(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{row},{'01?'[row % 3]}\n" for row in range(60))
    declared = described(tmp_path, text, target="y", task="classification")
    assert (declared.class_names, declared.development_rows + declared.test_rows) == (("0", "1", "?"), 60)
    guessed = described(tmp_path, text, target="y")
    assert (guessed.class_names, guessed.development_rows + guessed.test_rows) == (("0", "1"), 40)
    assert "20 of 60 rows have no y, the target, and are left out" in said(guessed)


def test_a_test_file_is_read_as_the_other_was(tmp_path: Path) -> None:
    rows = [
        f"{1 + row % 12}/{1 + row % 28}/2021;{'?' if row == 3 else row};{'xy'[row % 2]};{row},5" for row in range(60)
    ]
    (tmp_path / "test.csv").write_text("y;b;when;a\n1,5;x;3/4/2021;?\n2,5;y;5/6/2021;7\n")
    info = described(tmp_path, "\n".join(["when;a;b;y", *rows]), target="y", test_file="test.csv")
    assert info.declared is not None
    assert (info.declared.dates, info.declared.day_first) == (("when",), False)
    test, train = load_test_data(info, data_dir=tmp_path), load_trial_data(info, data_dir=tmp_path)
    when = test.inputs[:, 0] * train.input_scale[0] + train.input_offset[0]
    days = [(pd.Timestamp(day) - pd.Timestamp(1970, 1, 1)).days for day in ("2021-03-04", "2021-05-06")]
    np.testing.assert_allclose(sorted(when), days, rtol=1e-5)
    (tmp_path / "test.csv").write_text("y;b;when;a\n1,5;x;soon;2\n2,5;y;5/6/2021;7\n")
    with pytest.raises(DatasetError, match=r"test\.csv: in row 1, when must be a date, .* not 'soon'"):
        load_test_data(info, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (range(300), "regression"),
        ([row % 31 for row in range(300)], "regression"),
        ([row % 30 for row in range(300)], "classification"),
        ([row % 2 for row in range(300)], "classification"),
        (["?" if row == 70 else row for row in range(300)], "regression"),
    ],
)
def test_whole_numbers_are_classes_if_they_are_few(cells: Any, task: str, tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells))
    info = described(tmp_path, text, target="y")
    assert info.task == task
    assert f"which means {task}; otherwise write task: " in said(info)
    assert "otherwise write task" not in said(described(tmp_path, text, target="y", task=task))
    assert described(tmp_path, text, target="y", target_unit="points").task == "regression", "classes have no unit"


def test_classes_that_cannot_be_learnt_are_said(tmp_path: Path) -> None:
    rows = [(row, "ab"[row % 2]) for row in range(60)]
    text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in [*rows, (1000, "single")])
    assert "classes with a single row, which is either trained on or tested with: single" in said(
        described(tmp_path, text, target="y")
    )
    unseen = []
    for value in range(1000, 1020):  # whether a row is sealed depends on its content
        text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in [*rows, (value, "c")])
        unseen.append(
            "classes without a row outside the test part, which cannot be learnt: c"
            in said(described(tmp_path, text, target="y"))
        )
    assert 0 < sum(unseen) < 20


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 3))
NAMES = st.lists(
    st.text(st.sampled_from('ab ,;|\t"é'), min_size=1, max_size=6).map(str.strip).filter(bool),
    min_size=2,
    max_size=4,
    unique=True,
)


@given(NAMES, st.data(), st.sampled_from(",;\t|"), st.sampled_from(".,"))
def test_a_table_comes_back_equal_or_is_refused_with_the_readings(
    names: list[str], data: st.DataObject, mark: str, point: str
) -> None:
    kinds = [data.draw(st.sampled_from(["number", "word"])) for _ in names]
    cells = {"number": NUMBERS, "word": st.sampled_from(["red", "dark blue", "x-y", "Nord West"])}
    rows = data.draw(st.lists(st.tuples(*(cells[kind] for kind in kinds)), min_size=1, max_size=5))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark)
    writer.writerow(names)
    writer.writerows([str(cell).replace(".", point) for cell in row] for row in rows)
    found, refused = mark, ""
    try:
        found = find_separator(text.getvalue())
    except UnusableTableError as error:
        refused = str(error)
    assert found == mark
    assert not refused or (repr(mark) in refused and "the columns would be" in refused)


CELLS = st.one_of(
    st.sampled_from(["", "NA", "?", "-", ".", "red", "blue", "1", "2.5", "2,5", "1,234", "$3", "true", "False", "inf"]),
    st.sampled_from(["2020-01-31", "03/04/2020", "31/01/2020", "1e400", "1_0", '"', "a;b", "a|b", "auto", "\x00", "é"]),
    st.text(max_size=3),
    st.integers(-3, 40).map(str),
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "ignore": st.sampled_from([[], ["a"], ["auto"], ["auto", "a"], "auto"]),
        "categorical": st.sampled_from([[], ["b"], ["auto", "b"], "auto"]),
        "dates": st.sampled_from([[], ["a"]]),
        "day_first": st.booleans(),
        "missing": st.sampled_from(["error", "mean", "auto"]),
        "missing_target": st.sampled_from(["error", "leave_out"]),
        "missing_marks": st.sampled_from([[], ["red", "2.5"]]),
        "task": st.sampled_from(["regression", "classification"]),
    },
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30), KEYS, st.sampled_from(",;|"))
def test_any_table_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], keys: dict[str, Any], mark: str
) -> None:
    text, folder = io.StringIO(), tmp_path_factory.getbasetemp()
    writer = csv.writer(text, delimiter=mark)
    writer.writerow(["a", "b", "y"])
    writer.writerows(rows * 3)
    try:
        info = described(folder, text.getvalue(), target="y", **keys)
        usual = fingerprint(info, data_dir=folder)
    except DatasetError as error:
        refused = str(error)
    else:
        assert info.declared is not None
        again = described(folder, text.getvalue(), **{**info.declared.to_mapping(), "file": "t.csv", "task": info.task})
        assert fingerprint(again, data_dir=folder) == usual
        refused = ""
    assert "\n" not in refused


def test_separators_are_decided_by_the_rows(tmp_path: Path) -> None:
    def read(text: str) -> dict[str, list[Any]]:
        (tmp_path / "t.csv").write_text(text)
        table = read_table("mine", tmp_path / "t.csv")
        columns = {name: cells.with_decimal_commas() for name, cells in table.columns.items()}
        return {
            name: [cells.texts.get(row, cells.numbers[row]) for row in range(len(cells))]
            for name, cells in columns.items()
        }

    assert read("a;b, c\n1;2,5\n2;3,5\n") == {"a": [1, 2], "b, c": [2.5, 3.5]}
    assert read('length;width;"price, EUR"\n1;2;3,5\n4;5;6,5\n') == {
        "length": [1, 4],
        "width": [2, 5],
        "price, EUR": [3.5, 6.5],
    }
    assert read("a|b, c\n1|2,5\n") == {"a": [1], "b, c": [2.5]}
    assert read("sep=;\na,b;c,d\nx,y;2,5\n") == {"a,b": ["x,y"], "c,d": [2.5]}
    assert read('"a; b",c\n1,"2;5"\n') == {"a; b": [1], "c": ["2;5"]}
    assert read("Chins Situps  Jumps\n5 162 60\n2  110 60\n") == {
        "Chins": [5, 2],
        "Situps": [162, 110],
        "Jumps": [60, 60],
    }
