"""Columns of dates, as days since 1970."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime

_DAY = 86_400.0
_PLAUSIBLE = re.compile(r"(?=.*\d.*\d.*\d)[\w.,:/ +-]{5,40}")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_ORDERS = {True: ("%d", "%m"), False: ("%m", "%d")}
# In these the month has a name, the year comes first, or dots say that the day does.
_PLAIN = (
    "%d.%m.%Y",
    "%d.%m.%y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y-%m",
    *(
        form
        for month in ("%b", "%B")
        for form in (f"%d {month} %Y", f"%d-{month}-%Y", f"%d-{month}-%y", f"{month} %d, %Y", f"{month} %d %Y")
    ),
)


class AmbiguousDatesError(ValueError):
    """Dates that have two readings: 3/4/2020 is in March or in April. The first text is the message."""


def read_dates(texts: Collection[str], *, day_first: bool | None = None) -> tuple[dict[str, float], bool | None] | None:
    """Read texts that are all dates, in one form.

    Args:
        texts: the distinct texts of a column.
        day_first: whether 3/4/2020 is in April; None to find out from the texts.

    Returns:
        Days since 1970-01-01 by text, and whether the day comes first where only the texts say so (None elsewhere).
        None if they are not dates.

    Raises:
        AmbiguousDatesError: ``day_first`` is needed.
    """
    if not texts or not all(map(_PLAUSIBLE.fullmatch, texts)):
        return None
    for read in (datetime.fromisoformat, *(_reader(form + time) for form in _PLAIN for time in _TIMES)):
        found = _read(texts, read)
        if found is not None:
            return found, None
    found_by = {
        first: found
        for first in ((True, False) if day_first is None else (day_first,))
        if (found := _read_in_order(texts, *_ORDERS[first])) is not None
    }
    if len(found_by) == 2 and found_by[True] != found_by[False]:
        raise AmbiguousDatesError(min(texts))
    return next(((found, first) for first, found in found_by.items()), None)


def _read_in_order(texts: Collection[str], *order: str) -> dict[str, float] | None:
    forms = (mark.join((*order, year)) + time for mark in "/-" for year in ("%Y", "%y") for time in _TIMES)
    return next((found for form in forms if (found := _read(texts, _reader(form))) is not None), None)


def _reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)


def _read(texts: Collection[str], read: Callable[[str], datetime]) -> dict[str, float] | None:
    found = {}
    for text in texts:
        try:
            moment = read(text)
        except ValueError:
            return None
        found[text] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / _DAY
    return found
