"""Tables of the shape that public ones have, with the quirks that their files have."""

import csv
import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PublicTable:
    """A table, and what a person sees in it.

    Attributes:
        text: Of the CSV file.
        settled: Attributes of the declaration that follow from it.
        rows: That have a target.
    """

    text: str
    target: str
    task: str
    rows: int
    inputs: int
    settled: Mapping[str, Any]


def _csv(names: Sequence[str], rows: Sequence[Sequence[object]], **options: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, **options)
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def houses() -> PublicTable:
    """77 columns, of which 42 are words; some have NA."""
    draw, count = random.Random(0), 300
    words, numbers = [f"Word{place}" for place in range(42)], [f"Number{place}" for place in range(33)]
    kinds = {name: [f"{name[:1]}{kind}" for kind in range(2 + place % 5)] for place, name in enumerate(words)}
    rows = []
    for row in range(count):
        texts = [
            "NA" if place % 7 == 3 and row % 5 else kinds[name][row % len(kinds[name])]
            for place, name in enumerate(words)
        ]
        values = ["NA" if place == 3 and row % 6 == 1 else draw.randrange(1000) for place in range(33)]
        rows.append([row + 1, *texts, *values, 500 * draw.randrange(70, 1500)])
    inputs = 33 + sum(len({row[place] for row in rows} - {"NA"}) for place in range(1, 43))
    settled = {"ignore": ("Id",), "categorical": tuple(words), "missing": "median"}
    return PublicTable(
        _csv(["Id", *words, *numbers, "SalePrice"], rows), "SalePrice", "regression", count, inputs, settled
    )


def titanic() -> PublicTable:
    """Names with commas, tickets that are numbers or not, cabins that are mostly missing, and a target of 0 and 1."""
    draw, rows = random.Random(1), []
    for row in range(300):
        name = f"Family{row}, Mr. Given"
        ticket = f"A/{row % 9} {row:05}" if row % 4 == 1 else str(100_000 + 7 * row)
        cabin = f"C{row}" if row % 5 == 2 else ""
        age = "" if row % 6 == 3 else f"{draw.uniform(1, 80):.1f}"
        sex, port = draw.choice(["male", "female"]), "" if row == 61 else draw.choice("SCQ")
        rows.append(
            [row + 1, row % 3 // 2, 1 + row % 3, name, sex, age, row % 4, 0, ticket, f"{row / 7:.4f}", cabin, port]
        )
    names = ["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age"]
    names += ["SibSp", "Parch", "Ticket", "Fare", "Cabin", "Embarked"]
    settled = {
        "ignore": ("PassengerId", "Name", "Ticket", "Cabin"),
        "categorical": ("Sex", "Embarked"),
        "missing": "median",
    }
    return PublicTable(_csv(names, rows), "Survived", "classification", 300, 10, settled)


def penguins() -> PublicTable:
    """A first column without a name, and NA in numbers and words."""
    rows = [
        [row + 1, ["Adelie", "Gentoo", "Chinstrap"][row % 3], ["Biscoe", "Dream"][row % 2]]
        + (
            ["NA"] * 3
            if row == 5
            else [30 + row / 9, 3000 + 5 * row, "NA" if row % 30 == 8 else ["male", "female"][row // 2 % 2]]
        )
        for row in range(120)
    ]
    names = ["", "species", "island", "bill_length_mm", "body_mass_g", "sex"]
    settled = {"ignore": None, "categorical": ("island", "sex"), "missing": "median"}
    return PublicTable(_csv(names, rows), "species", "classification", 120, 6, settled)


def diamonds() -> PublicTable:
    """Nothing missing, and a price in whole dollars."""
    draw = random.Random(2)
    rows = [
        [row + 1, f"{draw.uniform(0.2, 3):.2f}", draw.choice(["Fair", "Ideal"]), draw.choice("DEF"), 330 + 11 * row]
        for row in range(200)
    ]
    settled = {"ignore": ("rownames",), "categorical": ("cut", "color"), "missing": "auto"}
    return PublicTable(
        _csv(["rownames", "carat", "cut", "color", "price"], rows), "price", "regression", 200, 6, settled
    )


def baseball() -> PublicTable:
    """R's file: the names of players are under no name at all, and some salaries are NA."""
    rows = [
        [f"-Player {row}", 100 + row % 50, row % 9, "AN"[row % 2], "NA" if row % 5 == 4 else 70 + row * 7.25]
        for row in range(200)
    ]
    text = _csv(["AtBat", "Hits", "League", "Salary"], rows, quoting=csv.QUOTE_NONNUMERIC).replace('"NA"', "NA")
    settled = {"ignore": None, "categorical": ("League",), "missing": "auto", "missing_target": "leave_out"}
    return PublicTable(text, "Salary", "regression", 160, 4, settled)


def attrition() -> PublicTable:
    """A byte-order mark, constant columns, and a target of words that is not the last column."""
    rows = [
        [20 + row % 40, "Yes" if row % 6 == 0 else "No", ["Rarely", "Often"][row % 2], 1, "Y", 3 * row, 1000 + 17 * row]
        for row in range(150)
    ]
    names = ["Age", "Attrition", "BusinessTravel", "EmployeeCount", "Over18", "EmployeeNumber", "MonthlyIncome"]
    settled = {"ignore": None, "categorical": ("BusinessTravel", "Over18"), "missing": "auto"}
    return PublicTable("\ufeff" + _csv(names, rows), "Attrition", "classification", 150, 7, settled)


def cars() -> PublicTable:
    """A question mark in a column of numbers, and a name in every row."""
    rows = [
        [f"{10 + row / 9:.1f}", 4 + row % 3, "?" if row in (32, 80) else 60 + row, f"car {row}"] for row in range(120)
    ]
    settled = {"ignore": ("car name",), "missing_marks": ("?",), "missing": "median", "categorical": None}
    return PublicTable(_csv(["mpg", "cylinders", "horsepower", "car name"], rows), "mpg", "regression", 120, 2, settled)


def sales() -> PublicTable:
    """A European spreadsheet: semicolons, decimal commas, a comma in a name, a quoted line break, and dates."""
    rows = [
        [f"{1 + row % 28:02}.{1 + row % 12:02}.2023", "Nord\nWest" if row % 2 else "Süd", f"{row},5", f"{3 * row},25"]
        for row in range(100)
    ]
    settled = {"dates": ("Datum",), "categorical": ("Ort",), "ignore": None, "missing": "auto"}
    names = ["Datum", "Ort", "Menge, kg", "Umsatz, EUR"]
    return PublicTable(_csv(names, rows, delimiter=";"), "Umsatz, EUR", "regression", 100, 4, settled)


TABLES: Mapping[str, Callable[[], PublicTable]] = {
    made.__name__: made for made in (houses, titanic, penguins, diamonds, baseball, attrition, cars, sales)
}
