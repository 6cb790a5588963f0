from pathlib import Path

import pytest

from tune_jobs.files import cut_name, replace_file


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content in (b"one", b"two"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.mkdir()
    (path / "kept").write_text("there")
    with pytest.raises(OSError, match=r"a\.txt"):
        replace_file(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
    assert (path / "kept").read_text() == "there"


def test_a_name_that_is_too_long_is_cut_and_stays_different(tmp_path: Path) -> None:
    assert cut_name("report@epochs=3") == "report@epochs=3"
    names = {cut_name("é" * 200 + end) for end in ("a", "b")}
    assert len(names) == 2
    for name in names:
        (tmp_path / name).mkdir()
