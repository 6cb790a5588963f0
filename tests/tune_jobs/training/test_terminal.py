"""The live display fits the terminal, however narrow."""

import io
import time

import pytest
from rich.cells import cell_len
from rich.console import Console

from tune_jobs.training.snapshot import InTraining, Snapshot
from tune_jobs.training.terminal import Picture, Terminal

LONG = "hidden_layers=2, hidden_units=18, activation=GELU, dropout=0.110274, batch_norm=yes, learning_rate=0.0195718"


def snapshot(training: int, label: str = LONG) -> Snapshot:
    now = time.monotonic()
    return Snapshot(
        count="1,012/10,000 trials",
        share=0.1,
        began=now - 7275,
        taken=now,
        seconds_left=64_000,
        notes=("12 diverged", "1 failed"),
        best=(("Accuracy 98.06%", label), ("RMSE 4.2 mpg", "default, seed 3")),
        training=[InTraining(f"{label}, seed {seed}", 17, 100) for seed in range(training)],
    )


def drawn(picture: Picture, width: int, height: int = 24) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, height=height, color_system=None).print(picture)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [20, 40, 79, 80, 120, 160])
@pytest.mark.parametrize("label", [LONG, "x" * 300, "default", "宽字" * 40, "a\x1b[2Jb\nc"])
def test_nothing_is_wider_than_the_terminal_and_all_that_matters_is_there(width: int, label: str) -> None:
    lines = drawn(Picture(snapshot(3, label)), width)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    if width >= 40:
        assert "1,012/10,000 trials" in text
        assert "1 failed" in text
        assert "best so far: Accuracy 98.06%" in text
    assert text.count("17/100 epochs") == 3
    assert "\x1b" not in text


@pytest.mark.parametrize(("width", "lines_before_training"), [(40, 10), (80, 6), (160, 3)])
def test_the_display_grows_narrower_line_by_line(width: int, lines_before_training: int) -> None:
    assert len(drawn(Picture(snapshot(2)), width)) == lines_before_training + 2


def test_the_times_stand_beside_the_bar_where_they_fit() -> None:
    wide, narrow = drawn(Picture(snapshot(0)), 120), drawn(Picture(snapshot(0)), 40)
    assert wide[0].endswith("1,012/10,000 trials, elapsed 2 h 01 min, about 17 h 46 min left, 12 diverged, 1 failed")
    assert narrow[0].startswith("━")
    assert narrow[0].endswith(" 1,012/10,000 trials")
    assert narrow[1] == "elapsed 2 h 01 min"


@pytest.mark.parametrize(("height", "named"), [(24, 7), (14, 4), (5, 0)])
def test_as_many_trials_are_named_as_the_terminal_has_lines_for_and_the_others_counted(height: int, named: int) -> None:
    lines = drawn(Picture(snapshot(100)), 80, height)
    assert sum("17/100 epochs" in line for line in lines) == named
    assert lines[-1] == (f"and {100 - named} more in training" if named else "100 in training")


def test_the_cursor_is_never_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed could not show it again."""

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    shown = Terminal(screen)
    shown.update(snapshot(1))
    shown.say("a line")
    shown.close()
    assert "17/100 epochs" in screen.getvalue()
    assert "\x1b[?25" not in screen.getvalue()
