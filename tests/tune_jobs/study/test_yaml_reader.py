"""Forms of YAML that make readers crash or never end are refused in one line."""

from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.study.limits import MOST_BYTES
from tune_jobs.study.load import load_study
from tune_jobs.study.yaml_reader import parse_scalar, read_yaml

HEAD = "base: {dataset: digits, network: mlp, epochs: 1}\n"
MERGED = f"a: &a {{{', '.join(f'k{place}: 1' for place in range(1000))}}}\nb: {{<<: [{', '.join(['*a'] * 1000)}]}}\n"
TENFOLD = "[" + ", ".join(["*{}"] * 10) + "]"
BOMB = "".join(
    f"    - &{name} {TENFOLD.replace('{}', before)}\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: &b {dataset: digits, <<: *b}\n", "line 1: *b stands inside of &b itself; write out what it means"),
        (f"{HEAD}tables: {'[' * 3000}\n", "line 2: mappings and lists are nested more than 64 deep; nest fewer"),
        (f"{HEAD}tables: {'{a: ' * 300}1{'}' * 300}\n", "line 2: mappings and lists are nested more than 64 deep"),
        (
            f"{HEAD}tables: [{{factor: epochs, levels: [{'9' * 5001}]}}]\n",
            "a whole number of 5,001 digits; give at most",
        ),
        (f"{HEAD}tables: [{{factor: epochs, levels: [!foo 4]}}]\n", "the tag !foo means nothing in a study"),
        (f"{HEAD}tables: [!foo {{factor: epochs, levels: [4]}}]\n", "the tag !foo means nothing in a study"),
        (
            f"{HEAD}tables: [{{factor: epochs, levels: [!!python/name:os.system 4]}}]\n",
            "the tag !!python/name:os.system",
        ),
        (f"{HEAD}seeds: !!int x\n", "is not valid YAML"),
        (f"{HEAD}labels: {{1: x, '1': y}}\n", "labels: the key '1' repeats; give each key once"),
        (MERGED, "the file has more than 100,000 values and keys"),
        ("a: &a [*a]\n", "line 1: *a stands inside of &a"),
        (
            f"{HEAD}tables:\n  - factor: epochs\n    levels:\n    - &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n{BOMB}",
            "the study has more than 100,000 values and keys, aliases written out",
        ),
        (f"{HEAD}#{' ' * MOST_BYTES}\n", "is larger than 1,000,000 bytes, the most that a study file may be"),
        (f'{HEAD}title: "\\ud800"\n', "title: '\\ud800' contains '\\ud800', which cannot be printed"),
        (f'{HEAD}title: "a\\x1b[31m"\n', "contains '\\x1b', which cannot be printed"),
        (f'{HEAD}"a\\0b": 1\n', "the key 'a\\x00b' contains '\\x00', which cannot be printed"),
    ],
)
def test_each_form_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_study(str(path))
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < len(str(path)) + 300
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in (str(tmp_path), "x" * 5000 + ".yaml", str(tmp_path / "x.yaml" / "y.yaml")):
        with pytest.raises(UserError, match=r"cannot be read as text|there is no such study file"):
            read_yaml(Path(name))
    with pytest.raises(UserError, match="there is no study"):
        load_study("x" * 5000)


@pytest.mark.parametrize("text", ["9" * 5001, "[" * 3000, "&b {<<: *b}", "!foo 4", "!!int x", "*a"])
def test_a_value_of_the_command_line_that_is_no_scalar_is_text(text: str) -> None:
    assert parse_scalar(text) == text
