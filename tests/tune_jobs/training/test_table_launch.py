"""What the driver makes of groups: who ended, who lost a worker, and what is given out again."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tune_jobs.ledger.lost_workers import read_incidents
from tune_jobs.ledger.record import LOST
from tune_jobs.storage.storage import Storage
from tune_jobs.study.resources import Resources
from tune_jobs.training import table_launch, worker_watch
from tune_jobs.training.groups import Groups
from tune_jobs.training.job import Job
from tune_jobs.training.progress import Progress
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.table_launch import TableWatch, run_trials
from tune_jobs.training.worker_watch import RESTARTS
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial

TRIALS = [Trial(f"k{seed}", TrialConfig(seed=seed), 5, frozenset()) for seed in range(60)]


class OfTune:
    """What the watch touches of a trial of Tune."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.trial_id, self.config, self.error_file = payload["key"], {"trial": dict(payload)}, None
        self.num_failures, self.max_failures = 0, RESTARTS

    def get_error(self) -> str:
        return "The actor died unexpectedly."


class Run:
    """A run whose groups are large from the second on."""

    def __init__(self, storage: Storage) -> None:
        self.groups = Groups(TRIALS, 2)
        self.progress = Progress(TRIALS, {trial.key: f"label of {trial.key}" for trial in TRIALS}, stream=io.StringIO())
        self.watch = TableWatch(self.progress, storage, "s", self.groups)
        self.drawn = iter(self.groups)
        self.reports(OfTune(next(self.drawn)), ended=[("k0", "completed", "", 0.01, None)])

    def reports(self, trial: OfTune, training: Any = (), ended: Any = ()) -> None:
        self.watch.on_trial_result(1, [], trial, {"training": list(training), "ended": list(ended)})

    def loses(self, trial: OfTune) -> None:
        self.watch.on_trial_result(1, [], trial, {"node": "n"})
        trial.num_failures += 1
        again = trial.num_failures <= trial.max_failures
        (self.watch.on_trial_recover if again else self.watch.on_trial_error)(1, [], trial)


def members(trial: OfTune) -> list[str]:
    return [values["key"] for values in trial.config["trial"]["trials"].payloads]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    node = {"NodeID": "n", "NodeManagerAddress": "10.0.0.1", "Alive": True}
    monkeypatch.setattr(worker_watch.ray, "nodes", lambda: [node])
    monkeypatch.setattr(worker_watch.ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "n"))
    return Run(Storage.at(str(tmp_path)))


def test_a_group_that_lost_its_worker_keeps_the_trial_in_training_and_the_rest_comes_next(
    run: Run, tmp_path: Path
) -> None:
    group = OfTune(next(run.drawn))
    first, second, *rest = members(group)
    assert len(rest) > 5
    run.reports(group, training=[(second, 3, 0.5)], ended=[(first, "completed", "", 0.01, None)])
    run.loses(group)
    assert members(group) == [second]
    assert group.config["trial"]["again"]
    assert run.progress.restarts == [second]
    back = OfTune(next(run.drawn))
    assert members(back) == rest
    assert back.config["trial"]["again"]
    (incident,) = read_incidents(Storage.at(str(tmp_path)), "s")
    assert (incident.key, incident.label, incident.epoch, incident.again) == (second, f"label of {second}", 3, True)


def test_of_a_stack_that_lost_its_worker_one_goes_on_and_the_others_come_next(run: Run) -> None:
    group = OfTune(next(run.drawn))
    first, second, third, *rest = members(group)
    run.reports(group, training=[(second, 3, 0.5), (third, 2, 0.4)], ended=[(first, "completed", "", 0.01, None)])
    run.loses(group)
    assert members(group) == [second]
    assert run.progress.restarts == [second, third]
    assert members(OfTune(next(run.drawn))) == [third, *rest]


def test_before_the_first_report_it_is_the_first_trial_that_was_in_training(run: Run) -> None:
    group = OfTune(next(run.drawn))
    expected = members(group)[:1]
    run.loses(group)
    assert members(group) == run.progress.restarts == expected


def test_a_worker_that_dies_after_its_last_report_costs_no_trial(run: Run, tmp_path: Path) -> None:
    group = OfTune(next(run.drawn))
    run.reports(group, ended=[(key, "completed", "", 0.01, None) for key in members(group)])
    run.loses(group)
    assert members(group) == []
    assert run.progress.restarts == []
    assert read_incidents(Storage.at(str(tmp_path)), "s") == []


def test_a_trial_is_lost_after_its_restarts_and_those_of_its_group_are_not(run: Run) -> None:
    group = OfTune(next(run.drawn))
    key, *rest = members(group)
    waiting = len(run.groups)
    for _ in range(RESTARTS + 1):
        run.reports(group, training=[(key, 1, 0.5)])
        run.loses(group)
    assert run.progress.finished == {"k0": "completed", key: LOST}
    assert len(run.groups) == waiting + len(rest)
    assert run.progress.restarts == [key] * RESTARTS


def test_a_finished_group_is_forgotten(run: Run) -> None:
    group = OfTune(next(run.drawn))
    run.watch.on_trial_complete(1, [], group)
    assert members(group) == []


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Progress, list[int]]]:
    """Run all trials with a stand-in for a round of Tune, which gets the groups and the watch."""

    @contextmanager
    def session(*arguments: Any) -> Iterator[Any]:
        capacity = SimpleNamespace(at_once=lambda *more: 2, request_limit=lambda resources, most: most)
        yield SimpleNamespace(waiting="", capacity=capacity, mark="", data={})

    def whole(one_round: Callable[[int, Iterator[Any], Any], None]) -> tuple[Progress, list[int]]:
        rounds: list[int] = []

        def run_payloads(trainable: Any, payloads: Iterator[Any], *, watch: Any, **more: Any) -> None:
            rounds.append(len(rounds))
            one_round(rounds[-1], payloads, watch)

        monkeypatch.setattr(table_launch, "session", session)
        monkeypatch.setattr(table_launch, "run_payloads", run_payloads)
        monkeypatch.setattr("ray.tune.with_parameters", lambda function, **more: function)
        progress = Progress(TRIALS, {}, stream=io.StringIO())
        job = Job("s", str(tmp_path), TrialConfig(), 0.0, False, None, "1", "")
        settings = Settings(str(tmp_path), tmp_path, 1, Resources(), TrainingOptions())
        run_trials(TRIALS, {}, job, settings, Storage.at(str(tmp_path)), progress)
        return progress, rounds

    return whole


def finish(watch: Any, trial: OfTune) -> None:
    endings = [(key, "completed", "", 0.01, None) for key in members(trial)]
    watch.on_trial_result(1, [], trial, {"training": [], "ended": endings})


def test_trials_that_tune_gave_up_before_they_began_are_trained_in_another_round(
    driver: Callable[..., tuple[Progress, list[int]]],
) -> None:
    def one_round(number: int, payloads: Iterator[Any], watch: Any) -> None:
        for drawn, payload in enumerate(payloads):
            if number == 0 and drawn == 2:
                watch.on_trial_error(1, [], OfTune(payload))
            else:
                finish(watch, OfTune(payload))

    progress, rounds = driver(one_round)
    assert len(rounds) == 2
    assert len(progress.finished) == len(TRIALS)


def test_an_interrupted_round_is_the_last(driver: Callable[..., tuple[Progress, list[int]]]) -> None:
    def one_round(number: int, payloads: Iterator[Any], watch: Any) -> None:
        for _ in range(3):
            finish(watch, OfTune(next(payloads)))

    progress, rounds = driver(one_round)
    assert len(rounds) == 1
    assert 3 <= len(progress.finished) < len(TRIALS)


def test_an_interrupt_after_the_last_trial_was_given_out_is_one_too(
    driver: Callable[..., tuple[Progress, list[int]]],
) -> None:
    def one_round(number: int, payloads: Iterator[Any], watch: Any) -> None:
        trials = [OfTune(payload) for payload in payloads]
        for trial in trials[1:]:
            finish(watch, trial)

    progress, rounds = driver(one_round)
    assert len(rounds) == 1
    assert len(progress.finished) == len(TRIALS) - 1
