"""What ends a tunnel: being closed, and the signals that end its process; not those that are ignored."""

import signal
from pathlib import Path

import pytest

from tune_jobs.submit.tunnel import Tunnel


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_end_closes_the_tunnel_on_its_way(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, Tunnel(Path("cluster.yaml")):
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_a_process_that_outlives_its_terminal_keeps_the_tunnel() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Tunnel(Path("cluster.yaml")):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
