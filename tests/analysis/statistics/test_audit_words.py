"""The audit of a search in sentences."""

from analysis.statistics.audit import audit
from analysis.statistics.audit_words import audit_words
from tests.analysis.statistics.test_audit import search


def test_few_audited_are_said_to_be_few() -> None:
    words = audit_words(audit(search(), higher_is_better=True), metric="accuracy", unit="%")
    assert words[0].startswith("Rung at epoch 3: 6 of 10 trials were stopped, which saved 24 min 00 s and 144 epochs")
    assert "an estimated 2 would have (1 to 4; chance 1% to 91%, too few audited to say much)" in words[0]
    assert "better by 1.50 points of accuracy" in words[0]
    assert words[2].startswith("All rungs: 8 of 10")


def test_a_rung_that_stopped_nobody_is_a_sentence() -> None:
    frame = search()[lambda f: f["rung"] != 9]
    words = audit_words(audit(frame, higher_is_better=True), metric="accuracy", unit="%")
    assert words[1] == "Rung at epoch 9: 2 trials reached it, and none was stopped."
    assert "nan" not in " ".join(words).lower()
