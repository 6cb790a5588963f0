"""One network, trained by the engine and by a training function of the same steps."""

from pathlib import Path

from trainer_overhead import are_equal, trainings


def test_the_engine_and_a_function_of_the_same_steps_give_equal_numbers(tmp_path: Path) -> None:
    train = trainings(tmp_path, epochs=2, seeds=2)
    engine, trainer = (train[name](0)[0] for name in ("engine", "trainer"))
    assert engine.epochs == 2
    assert are_equal(engine, trainer), (engine.reason, trainer.reason)
    assert not are_equal(engine, train["trainer"](1)[0])
