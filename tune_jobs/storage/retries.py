"""How often a request to a storage is tried, for how long, and what is worth another attempt.

There are two levels. pyarrow's S3 client makes a few attempts within seconds. `retried` goes on for minutes where a run
cannot do without the storage; elsewhere the first error that the client reports is final. A local folder is never
retried.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from tune_jobs.storage.s3_errors import explain, s3_error

# Of the S3 client: an endpoint that does not answer is given up after three times this.
CLIENT_ATTEMPTS = 3
CONNECT_TIMEOUT_SECONDS, REQUEST_TIMEOUT_SECONDS = 3, 5

# How long a run waits out an outage: results of trials are at stake.
PATIENCE_SECONDS = 600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def worth_retrying(error: OSError) -> bool:
    """Whether a later attempt may succeed: S3 is out of reach, overloaded or down, and has not refused."""
    found = s3_error(error)
    return found is not None and (found.unreachable or found.overloaded)


def retried(request: Callable[[], _T], uri: str, patience_seconds: float) -> _T:
    """Make a request, again and again while that may help.

    Args:
        request: what to do; it may be called several times.
        uri: of the storage, for the log.
        patience_seconds: how long to keep trying; 0 for a single attempt.

    Raises:
        OSError: what the last attempt raised.
    """
    start, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
    while True:
        try:
            return request()
        except OSError as error:
            waited = time.monotonic() - start
            if not worth_retrying(error) or waited + pause > patience_seconds:
                raise
            if pause == _FIRST_PAUSE_SECONDS:
                _log.warning("%s: %s; retrying for up to %.0f s", uri, explain(error), patience_seconds - waited)
        # Random, as workers that were cut off together should not come back together.
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
