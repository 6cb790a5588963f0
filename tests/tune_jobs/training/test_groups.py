"""How trials are grouped: long ones alone, short ones by the second, smaller groups towards the end."""

from collections.abc import Iterator
from typing import Any

from tune_jobs.training.groups import Groups
from tune_jobs.training.job import from_payload, payload
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.cost import longest_first
from tune_jobs.trial.trial import Trial


def trials(count: int, epochs: int = 1) -> list[Trial]:
    return [
        Trial(f"{epochs}-{seed}", TrialConfig(seed=seed, epochs=epochs), epochs, frozenset()) for seed in range(count)
    ]


def keys(group: Any) -> list[str]:
    return [values["key"] for values in group["trials"].payloads]


def test_nothing_is_grouped_until_a_trial_has_ended() -> None:
    groups = iter(Groups(trials(100), 2))
    assert [len(keys(next(groups))) for _ in range(5)] == [1] * 5


def test_short_trials_are_grouped_by_the_time_that_others_took_and_groups_shrink_to_the_end() -> None:
    groups = Groups(trials(1000), 2)
    drawn: Iterator[Any] = iter(groups)
    first = next(drawn)
    groups.ended(keys(first)[0], 0.02)
    sizes = [len(keys(group)) for group in drawn]
    assert sum(sizes) == 999
    assert sizes[0] == 75, "one and a half seconds"
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2] == 5, "a tenth of a second"
    assert groups.closed
    assert len(groups) == 0


def test_long_trials_stay_alone() -> None:
    groups = Groups(trials(50), 2)
    drawn = iter(groups)
    groups.ended(keys(next(drawn))[0], 10.0)
    assert all(len(keys(group)) == 1 for group in drawn)


def test_the_longest_come_first_and_every_trial_once() -> None:
    wanted = [*trials(20, 1), *trials(20, 5)]
    groups = Groups(longest_first(wanted), 1)
    given = []
    for group in iter(groups):
        given += keys(group)
        for key in keys(group):
            groups.ended(key, 0.01 * int(key.partition("-")[0]))
    assert sorted(given) == sorted(one.key for one in wanted)
    assert [key.partition("-")[0] for key in given] == ["5"] * 20 + ["1"] * 20


def test_no_two_groups_have_one_name() -> None:
    groups = Groups(trials(3), 1)
    names = [group["key"] for group in iter(groups)]
    groups.take_back([payload(one) for one in trials(3)])
    names += [group["key"] for group in iter(groups)]
    assert len(set(names)) == 6


def test_trials_that_come_back_are_the_next_and_alone_from_the_second_time_on() -> None:
    groups = Groups(trials(200), 1)
    drawn = iter(groups)
    groups.ended(keys(next(drawn))[0], 0.01)
    lost = next(drawn)
    assert len(keys(lost)) > 10
    groups.take_back(lost["trials"].payloads[2:])
    back = next(drawn)
    assert keys(back) == keys(lost)[2:], "and none that has lost no worker"
    assert (lost["again"], back["again"]) == (False, True)
    groups.take_back(back["trials"].payloads)
    again = [next(drawn) for _ in keys(back)]
    assert [keys(group) for group in again] == [[key] for key in keys(back)]
    assert all(group["again"] for group in again)
    assert len(keys(next(drawn))) > 10
    assert from_payload(lost["trials"].payloads[0]) == trials(2)[1]


def stacks(**counts: int) -> list[Trial]:
    """Return trials of shapes that are known by a letter, the letters in turn."""
    rounds = max(counts.values())
    names = [f"{letter}-{seed}" for seed in range(rounds) for letter, count in counts.items() if seed < count]
    return [Trial(name, TrialConfig(epochs=1), 1, frozenset()) for name in names]


def letter(trial: Trial) -> str | None:
    return None if trial.key[0] == "z" else trial.key[0]


def drawn(groups: Groups) -> list[str]:
    """Return the letters of each group's members."""
    return ["".join(key[0] for key in keys(group)) for group in groups]


def test_a_stack_has_trials_of_one_shape_wherever_they_stand() -> None:
    assert drawn(Groups(stacks(a=3, b=2, z=2), 1, letter, 8)) == ["aaa", "bb", "z", "z"]


def test_many_trials_of_a_shape_are_divided_evenly() -> None:
    assert drawn(Groups(stacks(a=20), 1, letter, 16)) == ["a" * 10] * 2


def test_workers_share_a_shape_once_there_is_no_other_for_them() -> None:
    assert drawn(Groups(stacks(a=10, b=10), 2, letter, 16)) == ["a" * 10, "b" * 5, "b" * 5]
    assert drawn(Groups(stacks(a=3), 8, letter, 16)) == ["aaa"], "a stack of one would take as long"
    assert drawn(Groups(stacks(a=16), 16, letter, 16)) == ["aaaa"] * 4


def test_short_stacks_are_drawn_by_the_second_too() -> None:
    groups = Groups(stacks(a=1000), 1, letter, 8)
    first = next(iter(groups))
    assert len(keys(first)) == 8
    for key in keys(first):
        groups.ended(key, 0.01)
    assert len(keys(next(groups))) > 50


def test_members_that_come_back_are_the_next() -> None:
    groups = Groups(stacks(a=4, b=4), 1, letter, 8)
    lost = next(groups)
    groups.take_back(lost["trials"].payloads[1:])
    assert drawn(groups) == ["aaa", "bbbb"]


def test_with_many_workers_groups_are_longer_so_that_the_driver_keeps_up() -> None:
    groups = Groups(trials(10_000), 100)
    drawn: Iterator[Any] = iter(groups)
    groups.ended(keys(next(drawn))[0], 0.1)
    assert len(keys(next(drawn))) == 30, "three seconds"
