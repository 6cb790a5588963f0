"""The tables of a winner's changes."""

import pandas as pd

from analysis.report.section import Section


def test_each_step_took_one_of_those_that_were_tried(whole: dict[str, Section]) -> None:
    sheet = next(sheet for sheet in whole["search-path"].sheets if sheet.name == "search-tried")
    taken = pd.DataFrame(sheet.rows, columns=["step", "change", "value", "taken"])
    assert (taken.groupby("step")["taken"].apply(lambda own: (own == "yes").sum()) == 1).all()
