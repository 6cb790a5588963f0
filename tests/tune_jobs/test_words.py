import pytest

from tune_jobs.words import counted, duration, file_size, printable, signed


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 trials"), (1, "1 trial"), (2, "2 trials"), (12_000, "12,000 trials")]
)
def test_counts_have_a_plural(number: int, words: str) -> None:
    assert counted(number, "trial") == words


def test_an_irregular_plural_is_given() -> None:
    assert [counted(number, "copy", "copies") for number in (1, 2)] == ["1 copy", "2 copies"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min")],
)
def test_durations_have_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (812, "812 B"), (14_400, "14 kB"), (3_200, "3.2 kB"), (3.21e9, "3.2 GB"), (5e12, "5.0 TB")],
)
def test_sizes_have_units(size: float, words: str) -> None:
    assert file_size(size) == words


@pytest.mark.parametrize(("value", "words"), [(1.2, "+1.20"), (-0.35, "−0.35"), (0.001, "0.00"), (-0.001, "0.00")])
def test_differences_have_a_sign_unless_they_round_to_nothing(value: float, words: str) -> None:
    assert signed(value, 2) == words


def test_large_differences_are_grouped() -> None:
    assert signed(-12_345.6, 1) == "−12,345.6"


def test_what_would_change_a_terminal_is_blank() -> None:
    assert printable("a\x1b]0;owned\x07\tb\nü") == "a ]0;owned  b\nü"
