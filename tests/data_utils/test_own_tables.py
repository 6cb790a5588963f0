"""CSV and Parquet files of the user's own, from the file to the arrays of a trial."""

import csv
import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_utils import (
    DatasetError,
    DatasetInfo,
    Declaration,
    Preparation,
    describe,
    fingerprint,
    load_test_data,
    load_trial_data,
)

MIXED = (
    "acidity,colour,sugar,id,quality\n1,red,10,a,1.5\n3,white,,b,2.5\n,red,30,c,3.5\n5,,20,d,4.5\n9,green,40,e,5.5\n"
)
MIXED_TEST = "id,quality,acidity,colour,sugar\nf,9.5,,white,50\n"
MIXED_KEYS = {
    "file": "wine.csv",
    "target": "quality",
    "ignore": ["id"],
    "categorical": ["colour"],
    "missing": "mean",
    "target_unit": "points",
}


def described(folder: Path, **keys: Any) -> DatasetInfo:
    return describe(Declaration.from_mapping("wine", keys), folders=[folder])


def written(folder: Path, text: str, **keys: Any) -> DatasetInfo:
    (folder / "t.csv").write_text(text)
    return described(folder, file="t.csv", target="c", **keys)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_beside_semicolons_and_tabs_a_comma_is_a_decimal_comma(tmp_path: Path, mark: str) -> None:
    rows = [(place, f"{place},5", place + 0.25) for place in range(40)]
    european = [mark.join(["a", "b", "c"]), *(f"{a}{mark}{b}{mark}{str(c).replace('.', ',')}" for a, b, c in rows)]
    english = ["a,b,c", *(f"{a},{b.replace(',', '.')},{c}" for a, b, c in rows)]
    info = written(tmp_path, "\n".join(european))
    assert (info.features, info.task) == (("a", "b"), "regression")
    data = load_trial_data(info, data_dir=tmp_path)
    (tmp_path / "english").mkdir()
    other = load_trial_data(written(tmp_path / "english", "\n".join(english)), data_dir=tmp_path)
    assert data.fingerprint == other.fingerprint
    np.testing.assert_array_equal(data.train_inputs, other.train_inputs)
    np.testing.assert_array_equal(data.train_targets, other.train_targets)


def test_columns_that_are_not_numbers_keep_their_commas(tmp_path: Path) -> None:
    rows = "\n".join(f"{place};{place % 3},5;{place % 2},5" for place in range(40))
    info = written(tmp_path, f"a;b;c\n{rows}", categorical=["b"], task="classification")
    assert info.features == ("a", "b=0,5", "b=1,5", "b=2,5")
    assert info.class_names == ("0,5", "1,5")


@pytest.mark.parametrize("cells", [["1,234", "5,678"], ["1,5", "0.5"], ["1,5", "x"], ["1,234,567", "1,5"]])
def test_commas_that_may_mean_something_else_are_not_guessed_at(tmp_path: Path, cells: list[str]) -> None:
    rows = "\n".join(f"{cell};{place}.5" for place, cell in enumerate(cells))
    with pytest.raises(DatasetError, match="a must be a number, not "):
        written(tmp_path, f"a;c\n{rows}")


def test_a_file_that_could_be_separated_in_two_ways_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its cells could be separated by ',' or ';'; put names and text") as caught:
        written(tmp_path, "a;b, c\nx;red, dark\ny;blue, dark\n")
    assert str(caught.value).endswith("(the columns would be 'a;b' and 'c', or 'a' and 'b, c')")
    assert "\n" not in str(caught.value)
    rows = "\n".join(f"{place},{place}.5" for place in range(40))
    assert written(tmp_path, f"size; in mm,c\n{rows}").features == ("size; in mm",)
    rows = "\n".join(f"{place};{place}.5" for place in range(40))
    assert written(tmp_path, f"size, in mm;c\n{rows}").features == ("size, in mm",)


def plain_rows(rows: int = 200, *, seed: int = 0) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    return [
        {
            "a": round(float(generator.normal()), 3),
            "b": int(generator.integers(100)),
            "kind": "xyz"[generator.integers(3)],
            "y": row + 0.5,
        }
        for row in range(rows)
    ]


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())


def raw_targets(targets: Any, data: Any) -> list[float]:
    found: list[float] = np.round(targets * data.target_std + data.target_mean, 3).tolist()
    return found


PLAIN: Mapping[str, Any] = {"file": "plain.csv", "target": "y", "categorical": ["kind"]}


def test_a_mixed_table_gives_the_values_that_a_hand_computes(tmp_path: Path) -> None:
    (tmp_path / "wine.csv").write_text(MIXED)
    (tmp_path / "wine_test.csv").write_text(MIXED_TEST)
    info = described(tmp_path, **MIXED_KEYS, test_file="wine_test.csv", validation_rows=1)
    assert info.features == ("acidity", "colour=green", "colour=red", "colour=white", "sugar")
    assert (info.task, info.classes, info.target_unit) == ("regression", 0, "points")
    assert (info.input_shape, info.development_rows, info.test_rows, info.validation_rows) == ((5,), 5, 1, 1)
    assert info.reads == ()
    data = load_trial_data(info, data_dir=tmp_path)
    # The validation row is the first one: the training rows' means are (3 + 5 + 9) / 3 and (30 + 20 + 40) / 3.
    assert raw_targets(data.validation_targets, data) == [1.5]
    assert data.input_fill is not None
    np.testing.assert_allclose(data.input_fill[[0, 4]], [17 / 3, 30], rtol=1e-6)
    filled = {2.5: [3, 0, 0, 1, 30], 3.5: [17 / 3, 0, 1, 0, 30], 4.5: [5, 0, 0, 0, 20], 5.5: [9, 1, 0, 0, 40]}
    rows = np.array([filled[target] for target in raw_targets(data.train_targets, data)])
    np.testing.assert_allclose(data.input_offset, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(data.train_inputs, (rows - rows.mean(axis=0)) / rows.std(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        data.validation_inputs[0], (np.array([1, 0, 1, 0, 10]) - rows.mean(axis=0)) / rows.std(axis=0), rtol=1e-5
    )
    test = load_test_data(info, data_dir=tmp_path)
    expected = (np.array([17 / 3, 0, 0, 1, 50]) - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(test.inputs[0], expected, rtol=1e-5, atol=1e-6)
    assert raw_targets(test.targets, test) == [9.5]
    assert (data.dataset, data.fingerprint) == ("wine", fingerprint(info, data_dir=tmp_path))


def test_a_parquet_twin_gives_the_same_arrays_and_fingerprint(tmp_path: Path) -> None:
    rows = plain_rows(60)
    for row, key in ((3, "a"), (7, "kind"), (11, "b")):
        rows[row][key] = None
    write_csv(tmp_path / "plain.csv", rows)
    frame = pd.read_csv(tmp_path / "plain.csv")
    frame["kind"] = frame["kind"].astype("category")
    frame.to_parquet(tmp_path / "plain.parquet")
    keys = {**PLAIN, "missing": "median"}
    infos = [described(tmp_path, **{**keys, "file": f"plain.{suffix}"}) for suffix in ("csv", "parquet")]
    one, two = (load_trial_data(info, data_dir=tmp_path, options={"outer_split": 1}) for info in infos)
    np.testing.assert_array_equal(one.train_inputs, two.train_inputs)
    np.testing.assert_array_equal(one.validation_targets, two.validation_targets)
    assert one.fingerprint == two.fingerprint
    one_test, two_test = (load_test_data(info, data_dir=tmp_path) for info in infos)
    np.testing.assert_array_equal(one_test.inputs, two_test.inputs)
    assert one_test.test_fingerprint == two_test.test_fingerprint


def test_an_info_is_plain_and_found_anew_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_csv(home / "plain.csv", plain_rows())
    info = described(home, **PLAIN, label="Plain")
    again = DatasetInfo.from_dict(json.loads(json.dumps(info.to_dict())))
    assert again == info == pickle.loads(pickle.dumps(info))
    assert (again.found, again.declared, hash(again)) == (info.found, info.declared, hash(info))
    assert (info.label, info.reads) == ("Plain", ("outer_split",))
    before = load_trial_data(info, data_dir=home)
    home.rename(tmp_path / "moved")
    after = load_trial_data(again, data_dir=tmp_path / "moved")
    np.testing.assert_array_equal(before.train_inputs, after.train_inputs)
    with pytest.raises(DatasetError, match=r"wine\.file: found no file .*home/plain\.csv and no .*/nowhere/plain\.csv"):
        load_trial_data(info, data_dir=tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"cannot be read .*update ablatune"):
        DatasetInfo.from_dict({**info.to_dict(), "colour": "red"})


def test_the_study_file_s_folder_comes_before_the_data_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "study", tmp_path / "data"]
    declaration = Declaration.from_mapping("wine", PLAIN)
    for place, folder in reversed(list(enumerate(folders))):
        folder.mkdir()
        write_csv(folder / "plain.csv", plain_rows(200 + place))
        info = describe(declaration, folders=folders)
        assert info.found == (str(folder / "plain.csv"),)
        assert info.development_rows + info.test_rows == 200 + place


def test_neither_order_nor_place_nor_label_is_part_of_the_fingerprint_and_meaning_is(tmp_path: Path) -> None:
    rows = plain_rows()
    write_csv(tmp_path / "plain.csv", rows)
    write_csv(tmp_path / "shuffled.csv", rows[::-1])
    info = described(tmp_path, **PLAIN)
    usual = fingerprint(info, data_dir=tmp_path)
    shuffled = describe(
        Declaration.from_mapping("other", {**PLAIN, "file": "shuffled.csv", "label": "Other"}), folders=[tmp_path]
    )
    assert fingerprint(shuffled, data_dir=tmp_path) == usual
    one, two = (load_trial_data(data, data_dir=tmp_path) for data in (info, shuffled))
    np.testing.assert_array_equal(one.train_inputs, two.train_inputs)
    prints = {
        fingerprint(described(tmp_path, **{**PLAIN, **keys}), data_dir=tmp_path)
        for keys in (
            {},
            {"inputs": ["a", "kind"]},
            {"inputs": ["kind", "a"]},
            {"missing": "mean"},
            {"target": "b", "task": "regression"},
            {"target": "b", "task": "classification"},
            {"test_share": 0.3},
        )
    }
    assert len(prints) == 7
    assert usual in prints
    write_csv(tmp_path / "plain.csv", [*rows[:-1], {**rows[-1], "a": 9}])
    assert fingerprint(described(tmp_path, **PLAIN), data_dir=tmp_path) != usual


def test_no_test_row_has_a_say_in_the_fingerprint(tmp_path: Path) -> None:
    rows = plain_rows()
    write_csv(tmp_path / "plain.csv", rows)
    info = described(tmp_path, **PLAIN)
    test = load_test_data(info, data_dir=tmp_path)
    sealed = set(raw_targets(test.targets, test))
    assert 20 < len(sealed) == info.test_rows < 60
    write_csv(tmp_path / "fewer.csv", [row for row in rows if row["y"] not in sorted(sealed)[:10]])
    fewer = described(tmp_path, **{**PLAIN, "file": "fewer.csv"})
    assert fewer.test_rows == info.test_rows - 10
    assert fingerprint(fewer, data_dir=tmp_path) == fingerprint(info, data_dir=tmp_path)
    write_csv(tmp_path / "main.csv", rows)
    prints = []
    for text in ("a,b,kind,y\n1,2,x,3\n", "a,b,kind,y\n1,2,x,4\n"):
        (tmp_path / "test.csv").write_text(text)
        own = described(tmp_path, **PLAIN, test_file="test.csv")
        prints.append((fingerprint(own, data_dir=tmp_path), load_test_data(own, data_dir=tmp_path).test_fingerprint))
    assert prints[0][0] == prints[1][0]
    assert prints[0][1] != prints[1][1]


def test_trials_need_no_test_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "plain.csv", plain_rows())
    write_csv(tmp_path / "test.csv", plain_rows(10, seed=1))
    info = described(tmp_path, **PLAIN, test_file="test.csv")
    (tmp_path / "test.csv").write_text("torn")
    assert len(load_trial_data(info, data_dir=tmp_path).train_targets) == 160
    with pytest.raises(DatasetError, match=r"test\.csv"):
        load_test_data(info, data_dir=tmp_path)


def test_studies_of_other_columns_share_one_test_set(tmp_path: Path) -> None:
    rows = plain_rows()
    write_csv(tmp_path / "plain.csv", rows)
    whole = described(tmp_path, **PLAIN)
    part = described(tmp_path, **{**PLAIN, "inputs": ["a"], "categorical": []})
    tests = [load_test_data(info, data_dir=tmp_path) for info in (whole, part)]
    assert tests[0].test_fingerprint == tests[1].test_fingerprint
    assert tests[0].fingerprint != tests[1].fingerprint
    assert raw_targets(tests[0].targets, tests[0]) == raw_targets(tests[1].targets, tests[1])


def test_an_outer_split_has_as_many_test_rows_and_others(tmp_path: Path) -> None:
    write_csv(tmp_path / "plain.csv", plain_rows())
    info = described(tmp_path, **PLAIN)
    tests = [load_test_data(info, data_dir=tmp_path, options={"outer_split": number}) for number in (0, 1, 2)]
    assert {len(test.targets) for test in tests} == {info.test_rows}
    assert len({tuple(raw_targets(test.targets, test)) for test in tests}) == 3
    assert len({test.fingerprint for test in tests}) == 3
    with pytest.raises(DatasetError, match="takes no option 'noise': its options are outer_split"):
        load_trial_data(info, data_dir=tmp_path, options={"noise": 1})


def test_a_file_that_changes_after_it_was_described_is_refused(tmp_path: Path) -> None:
    rows = plain_rows()
    write_csv(tmp_path / "plain.csv", rows)
    info = described(tmp_path, **PLAIN)
    write_csv(tmp_path / "plain.csv", [{**rows[0], "b": 7000}, *rows[1:]])
    for load in (fingerprint, load_trial_data, load_test_data):
        with pytest.raises(DatasetError, match=r"plain\.csv: its rows have changed since it was described"):
            load(info, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("targets", "keys", "task", "names"),
    [
        ("abcab", {}, "classification", ("a", "b", "c")),
        (["True", "False", "True", "True", "False"], {}, "classification", ("False", "True")),
        ([0.5, 1, 2, 3, 4], {}, "regression", ()),
        ([10, 9, 2, 2, 9], {"task": "classification"}, "classification", ("2", "9", "10")),
        ([10, 9, 2, 2, 9], {"task": "regression"}, "regression", ()),
        (["a", 1, 1.0, "a", 2], {}, "classification", ("1", "2", "a")),
    ],
)
def test_the_task_is_what_the_targets_say(
    targets: Any, keys: dict[str, str], task: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    write_csv(tmp_path / "t.csv", [{"x": row, "y": targets[row % 5]} for row in range(50)])
    info = described(tmp_path, file="t.csv", target="y", **keys)
    assert (info.task, info.class_names, info.classes) == (task, names, len(names))
    data = load_trial_data(info, data_dir=tmp_path)
    if names:
        assert set(data.train_targets.tolist()) == set(range(len(names)))
        rows = np.rint(data.train_inputs * data.input_scale + data.input_offset)[:, 0].astype(int)
        for row, target in zip(rows.tolist(), data.train_targets.tolist(), strict=True):
            value = targets[row % 5]
            assert names[target] == (str(int(value)) if isinstance(value, float) else str(value))


def test_semicolons_truth_values_quotes_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    lines = [f'"{row},5";{"TRUE" if row % 2 else "false"}; {row} ;{row}.5' for row in range(40)]
    (tmp_path / "t.csv").write_bytes(("\ufeffname;odd; size;y\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    info = described(tmp_path, file="t.csv", target="y", ignore="name")
    assert info.features == ("odd", "size")
    data = load_trial_data(info, data_dir=tmp_path)
    rows = np.rint(data.train_inputs * data.input_scale + data.input_offset)
    np.testing.assert_array_equal(rows[:, 0], rows[:, 1] % 2)


def test_a_constant_column_is_fine(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"x": 3, "z": row, "y": row + 0.5} for row in range(30)])
    data = load_trial_data(described(tmp_path, file="t.csv", target="y"), data_dir=tmp_path)
    assert (data.train_inputs[:, 0] == 0).all()


def test_a_category_of_the_test_file_alone_counts_as_missing_where_that_may_be(tmp_path: Path) -> None:
    write_csv(tmp_path / "plain.csv", plain_rows())
    (tmp_path / "test.csv").write_text("a,b,kind,y\n1,2,new,3\n")
    with pytest.raises(DatasetError, match=r"in row 1, kind is 'new', a category that plain\.csv does not have"):
        described(tmp_path, **PLAIN, test_file="test.csv")
    info = described(tmp_path, **PLAIN, test_file="test.csv", missing="mean")
    trial, test = load_trial_data(info, data_dir=tmp_path), load_test_data(info, data_dir=tmp_path)
    raw = test.inputs * trial.input_scale + trial.input_offset
    np.testing.assert_allclose(raw[0], [1, 2, 0, 0, 0], atol=1e-5)


REFUSE = {"missing": "error"}
UNCLEAR = "a,y\n" + "".join(f"{row},{row % 40}\n" for row in range(900))
GOOD = "a,b,y\n" + "".join(f"{row},{row % 3},{row}.5\n" for row in range(30))


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        ("", {}, r"t\.csv: it is empty"),
        (" \n", {}, r"t\.csv: it is empty"),
        ("a,b,y\n", {}, "it has a header but no rows"),
        ("a,b,a,y\n1,2,3,4\n", {}, "two columns are named a; rename one"),
        (",a,y\n1,2,3\n", {}, "column 1 has no name"),
        ("a,b,y\n1,2,3\n1,2\n", {}, "row 2 has 2 cells, the header 3"),
        ('a,b,y\n1,"2,3\n', {}, "is not valid CSV"),
        (b"a,y\n1,caf\xe9\n", {}, r"byte 9 \(0xe9\) is not UTF-8; save the file as UTF-8"),
        (GOOD, {"target": "Y"}, r"datasets\.wine\.target: .*t\.csv has no column 'Y'; did you mean y\?"),
        (GOOD, {"inputs": ["a", "sugar"]}, r"wine\.inputs: .* no column 'sugar'; the columns are a, b, y"),
        (GOOD, {"ignore": ["a", "b"]}, "no column is left as an input"),
        (GOOD + "red,1,2.5\n", {}, r"in row 31, a must be a number, not 'red'; list a under categorical"),
        (GOOD + "1_000,1,2.5\n", {}, "in row 31, a must be a number, not '1_000'"),
        (GOOD + "inf,1,2.5\n", {}, "in row 31, a must be a finite number, not inf"),
        (
            GOOD + "NA,1,2.5\n,1,2.5\n",
            REFUSE,
            r"in row 31, a has no value \(2 rows in all\); write missing: mean, median",
        ),
        (GOOD + "NA,1,2.5\n", {**REFUSE, "categorical": ["a"]}, "in row 31, a has no value"),
        (GOOD + "1,1,\n", {"missing": "mean"}, r"in row 31, y, the target, has no value; add it, or remove the row"),
        (GOOD + "1,1,inf\n", {}, r"in row 31, y, the target, \(inf\) must be a finite number"),
        (GOOD + "1,1,red\n", {"task": "regression"}, r"in row 31, y, the target, \('red'\) must be a number"),
        (GOOD, {"task": "classification"}, r"in row 1, y, the target, \(0\.5\) is not a class.*write task: regression"),
        (UNCLEAR, {}, r"wine\.task: must be given, because the targets are 40 distinct whole numbers"),
        (GOOD, {"validation_rows": 30}, r"wine\.validation_rows: must be in 1 to \d\d, .* not 30"),
        ("a,y\n" + "1,x\n2,x\n" * 20, {}, "all targets outside the test part are x; add rows of another class"),
        ("a,y\n" + "1,x\n" * 20, {}, "none of its 20 rows falls into|the sealed test part leaves 0 rows"),
        ("a,y\n1,1.5\n", {}, "none of its 1 rows falls into|the sealed test part leaves 0 rows"),
        (GOOD + "1,2,x\n", {}, r"in row 31, y, the target, \('x'\) is text, but others are numbers"),
        ("a,y\n" + "1,x\n2,z\n" * 20, {"target_unit": "points"}, r"wine\.target_unit: classes have no unit"),
    ],
)
def test_a_wrong_table_gets_one_line(text: str | bytes, keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError, match=message) as caught:
        described(tmp_path, **{"file": "t.csv", "target": "y", **keys})
    assert "\n" not in str(caught.value)


def test_a_column_without_any_value_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"a": "", "b": row, "y": row + 0.5} for row in range(30)])
    with pytest.raises(DatasetError, match="column a is empty; list it under ignore"):
        described(tmp_path, file="t.csv", target="y", missing="mean")
    rows = [{"a": 1 if row == 3 else "", "b": row, "y": row + 0.5} for row in range(30)]
    write_csv(tmp_path / "t.csv", rows)
    (tmp_path / "test.csv").write_text("a,b,y\n1,2,3\n")
    info = described(tmp_path, file="t.csv", target="y", missing="mean", validation_rows=15, test_file="test.csv")
    refused = []
    for seed in range(20):
        try:
            load_trial_data(info, Preparation(split_seed=seed), data_dir=tmp_path)
        except DatasetError as error:
            refused.append((seed, str(error)))
    assert 0 < len(refused) < 20
    for seed, message in refused:
        assert f"a has no value in the training part of split_seed {seed}, and nothing can be filled in" in message


def test_a_name_with_too_many_categories_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"a": f"n{row}", "y": row + 0.5} for row in range(1001)])
    with pytest.raises(DatasetError, match="column a has 1001 categories, more than 1000"):
        described(tmp_path, file="t.csv", target="y", categorical=["a"])


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_a_missing_file_says_where_it_was_looked_for(suffix: str, tmp_path: Path) -> None:
    keys = {"file": f"t.{suffix}", "target": "y"}
    with pytest.raises(DatasetError) as caught:
        describe(Declaration.from_mapping("wine", keys), folders=[tmp_path / "study", tmp_path])
    message = str(caught.value)
    assert (
        f"found no file {tmp_path}/study/t.{suffix} and no {tmp_path}/t.{suffix}; put it beside the study file"
        in message
    )


def test_a_torn_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2], "y": [0.5, 1.5]}).to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for torn in (content[:-10], content[:50], b"PAR1" + content[:-4]):
        (tmp_path / "t.parquet").write_bytes(torn)
        with pytest.raises(DatasetError, match=r"t\.parquet: it is not an intact Parquet file") as caught:
            described(tmp_path, file="t.parquet", target="y")
        assert "\n" not in str(caught.value)


def test_parquet_dates_and_lists_are_no_numbers_and_may_be_ignored(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(30), "y": np.arange(30) + 0.5, "when": pd.Timestamp(2020, 1, 1), "l": [[1]] * 30})
    frame.index = pd.Index(range(1, 31))
    frame.drop(3).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="in row 1, when must be a number, not '2020-01-01"):
        described(tmp_path, file="t.parquet", target="y", ignore=["l"], dates=[], categorical=[])
    info = described(tmp_path, file="t.parquet", target="y", ignore=["when", "l"])
    assert info.features == ("a",)


def test_a_class_of_the_test_file_alone_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"a": row, "y": "no" if row % 2 else "yes"} for row in range(30)])
    (tmp_path / "test.csv").write_text("a,y\n1,yes\n2,perhaps\n")
    with pytest.raises(DatasetError, match=r"in row 2, y, the target, \('perhaps'\) is a class that .*t\.csv does not"):
        described(tmp_path, file="t.csv", target="y", test_file="test.csv")
    (tmp_path / "test.csv").write_text("b,y\n1,yes\n")
    with pytest.raises(DatasetError, match=r"wine\.test_file: .*test\.csv has no column 'a'"):
        described(tmp_path, file="t.csv", target="y", test_file="test.csv")


def test_a_name_that_comes_along_is_taken(tmp_path: Path) -> None:
    write_csv(tmp_path / "plain.csv", plain_rows())
    with pytest.raises(DatasetError, match=r"datasets\.digits: the name belongs to the built-in dataset Digits"):
        describe(Declaration.from_mapping("digits", PLAIN), folders=[tmp_path])


def test_the_test_rows_and_fingerprints_of_the_past_are_those_of_today(tmp_path: Path) -> None:
    text = "a,kind,y\n" + "".join(f"{row / 7},{'xyz'[row % 3]},{row}.5\n" for row in range(30))
    (tmp_path / "t.csv").write_text(text)
    info = described(tmp_path, file="t.csv", target="y", categorical=["kind"])
    tests = [load_test_data(info, data_dir=tmp_path, options={"outer_split": number}) for number in (0, 1)]
    assert [sorted(raw_targets(test.targets, test)) for test in tests] == [
        [3.5, 14.5, 17.5, 23.5],
        [0.5, 5.5, 12.5, 22.5],
    ]
    assert [(test.fingerprint, test.test_fingerprint) for test in tests] == [
        ("31f4462e3d8c647a", "2a95e15215af6c88"),
        ("634eb798c506c27c", "2b5b0f6c5b0324af"),
    ]
