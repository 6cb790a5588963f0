"""A tunnel is closed by signals that end its process, unless they are ignored."""

import signal
from pathlib import Path

import pytest

from tune_jobs.submit.tunnel import Tunnel


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_ends_the_process_closes_the_tunnel(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, Tunnel(Path("cluster.yaml")):
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_under_nohup_the_tunnel_stays_open() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Tunnel(Path("cluster.yaml")):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
