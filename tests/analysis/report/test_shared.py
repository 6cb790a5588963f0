"""What tables share is said once, and what they do not share stays with each."""

from typing import Any

from analysis.report.outline import sections_of
from analysis.report.shared import without_shared
from analysis.tables.captions import Said, shared_sentences
from tests.analysis.report.test_overview import STUDY

TWO_DATA = """\
title: Two kinds of data
base: {dataset: digits, hidden_units: 8, epochs: 2}
tables:
  - {title: Width, factor: hidden_units, levels: [4, 8, 16]}
  - {title: Rate, factor: learning_rate, levels: [0.001, 0.1]}
  - {title: "Width, USPS", name: usps, base: {dataset: usps}, factor: hidden_units, levels: [4, 8, 16]}
  - {title: "Rate, USPS", name: usps_rate, base: {dataset: usps}, factor: learning_rate, levels: [0.001, 0.1]}
"""


def test_what_tables_share_is_said_once(run: Any) -> None:
    sections = sections_of(run(STUDY, seeds=6).evidence, None)
    (paragraph,), short = without_shared(sections)
    assert paragraph.startswith("All tables: Data: Digits")
    assert paragraph.count("Holm's correction") == 1
    for section in short:
        assert section.view is not None
        assert not any(sentence in paragraph for sentence in section.view.caption)
        assert not any("Data:" in sentence for sentence in section.view.caption)


def test_tables_on_the_same_data_share_what_all_do_not(run: Any) -> None:
    paragraphs, short = without_shared(sections_of(run(TWO_DATA).evidence, None))
    heads = [paragraph.partition(":")[0] for paragraph in paragraphs]
    assert heads[0] == "All tables"
    assert heads[1].startswith("Tables on Digits, 1,077 training and 360 validation rows")
    assert heads[2].startswith("Tables on ")
    assert not any(paragraph.endswith(":") for paragraph in paragraphs)
    sentences = [words for paragraph in paragraphs for words in paragraph.partition(": ")[2].split(". ")]
    assert len(set(sentences[:-1])) == len(sentences[:-1]), "nothing is said twice"
    captions = [section.view.caption for section in short if section.view is not None]
    assert [caption[0] for caption in captions[:2]] == ["Data: Digits."] * 2
    assert max(len(" ".join(caption)) for caption in captions) < 200


def test_a_sentence_is_shared_where_most_tables_say_it() -> None:
    data = Said("data", "Data: A.")
    captions = [[data, Said("", "own")], [data], [Said("data", "Data: B.")]]
    assert shared_sentences(captions) == [data]
    assert shared_sentences(captions[:1]) == []
    assert shared_sentences([[data], [Said("data", "Data: B.")]]) == []
