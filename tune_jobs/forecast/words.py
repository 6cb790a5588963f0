"""A forecast in words: what `ablatune plan` prints."""

from collections import Counter
from collections.abc import Iterator

from tune_jobs.capacity.packing import per_gpu
from tune_jobs.forecast.estimate import Span
from tune_jobs.forecast.forecast import Forecast
from tune_jobs.ledger.looks import Looks
from tune_jobs.standing.search.state import State
from tune_jobs.study.schedulers import expected_arrivals
from tune_jobs.trial.shape import shape
from tune_jobs.words import counted, duration, file_size

_NOTED_LOAD = 0.5
_MOST_NAMED = 5


def plan_lines(forecast: Forecast) -> list[str]:
    """The forecast in lines."""
    counts = forecast.counts
    lines = [*counts.lines(), *_saved(forecast)]
    if forecast.searching:
        lines += _searching(forecast)
    if not forecast.missing:
        lines.append("nothing to run: the ledger has everything that the study is known to need")
    lines += [*_timed(forecast), *_times(forecast), *_later(forecast), *_confirming(forecast)]
    lines += _packing(forecast)
    lines += _disk(forecast)
    lines += [f"storage: {line}" for line in forecast.storage]
    lines += [f"data: {line}" for line in forecast.data]
    return lines


def _saved(forecast: Forecast) -> Iterator[str]:
    saved = forecast.counts.epochs_by_hand - sum(trial.epochs for trial in forecast.trials)
    if saved > 0:
        yield f"saved: {saved:,} epochs, since rows share trials and short rows are the beginning of long ones"


def _trials_words(forecast: Forecast, state: State | None) -> str:
    """How many trials a search is expected to draw, and with replicates how many of their seeds begin."""
    every = forecast.searching
    if state is None or state.search.replicates == 1:
        return counted(len(every), "trial")
    first = sum(trial.config.seed == 0 for trial, _ in every)
    begun = sum(span.expected > 0 for _, span in every)
    return f"{counted(first, 'trial')} ({counted(begun, 'replicate')})"


def _searching(forecast: Forecast) -> Iterator[str]:
    state = forecast.counts.standing.search
    epochs = sum((epochs for _, epochs in forecast.searching), start=Span.exactly(0.0))
    yield (
        f"the search: about {_trials_words(forecast, state)} to run, {epochs.expected:,.0f} epochs "
        f"({epochs.low:,.0f} if rungs keep their share exactly, {epochs.high:,.0f} if nothing is stopped)"
    )
    if state is not None and state.search.replicates > 1:
        yield "  with replicates: the low end if all that rungs stop are clearly behind, the high end if none is"
    if state is None or state.search.scheduler.name != "asha" or state.search.budget.trials is None:
        return
    arrivals = expected_arrivals(state.search.scheduler, state.search.budget.trials, state.epochs)
    words = ", ".join(f"epoch {epoch}: {count:.0f}" for epoch, count in arrivals.items() if count >= 1)
    yield f"  trials expected at each rung, if rungs keep their share: {words}"
    unreached = [epoch for epoch, count in arrivals.items() if count < 1]
    if unreached:
        yield (
            f"  fewer than one trial is expected at epoch {', '.join(map(str, unreached))}: give more trials, a "
            "larger grace_epochs or a smaller reduction_factor"
        )


def _timed(forecast: Forecast) -> Iterator[str]:
    piloted = forecast.piloted
    if piloted is None:
        return
    shapes = {pilot.shape for pilot in piloted.pilots}
    if shapes:
        epochs = [seconds for pilot in piloted.pilots for seconds in pilot.epoch_seconds]
        partly = {pilot.shape for pilot in piloted.pilots if pilot.share < 1}
        part = f", {len(partly)} of them on a part of the rows, scaled" if partly else ""
        yield (
            f"timed: {counted(len(shapes), 'shape')} of trial{part}, in {duration(forecast.pilot_seconds)}; an epoch "
            f"takes {_short(min(epochs))} to {_short(max(epochs))}"
        )
    if forecast.untimed:
        yield (
            f"not timed for lack of time: {counted(forecast.untimed, 'shape')}; estimated from rows, batches and "
            "multiplications, at the pace of the timed shapes"
        )
    raised = Counter(shape(trial.config) for trial in forecast.missing)
    for number, (name, reason) in enumerate(piloted.failures.items()):
        if number < _MOST_NAMED:
            yield f"would fail: {counted(raised[name], 'trial')}: {reason}"
    if len(piloted.failures) > _MOST_NAMED:
        yield f"would fail: {counted(len(piloted.failures) - _MOST_NAMED, 'more shape')} of trial"


def _times(forecast: Forecast) -> Iterator[str]:
    wall, cpu, gpu, price = forecast.wall_seconds, forecast.cpu_hours, forecast.gpu_hours, forecast.price
    if wall is None or cpu is None or gpu is None:
        return
    yield f"wall time: about {duration(wall.expected)} ({duration(wall.low)} to {duration(wall.high)})"
    if forecast.load > _NOTED_LOAD:
        yield (
            f"  other work on this machine (load average {forecast.load:.1f} before the pilots) slowed them down, "
            "as it would the run"
        )
    if any(trial.config.early_stopping_patience for trial in forecast.missing):
        yield "  at the low end every trial stops as early as its early stopping allows, at the high end none does"
    yield f"CPU time: about {_amount(cpu)} CPU-hours"
    if forecast.resources.gpus_per_trial:
        yield f"GPU time: about {_amount(gpu)} GPU-hours"
    if price is not None:
        yield (
            f"price: about {_amount(price)} in the currency of the rate, "
            f"for {counted(len(forecast.packed), 'node')} at {forecast.rate:g} an hour each"
        )


def _later(forecast: Forecast) -> Iterator[str]:
    """Say what later stages add, if each started from what is chosen now; or later looks."""
    if forecast.counts.standing.looks is not None:
        yield _until_decided(forecast, forecast.counts.standing.looks)
        return
    if not forecast.later:
        return
    trials = sum(one.trials for one in forecast.later)
    times = [one.estimate.wall for one in forecast.later if one.estimate is not None]
    stages = ", ".join(one.stage for one in forecast.later)
    words = f"to come after that: at most {counted(trials, 'trial')} more ({stages})"
    if times:
        total = sum(times[1:], start=times[0])
        words += (
            f", about {duration(total.expected)} ({duration(total.low)} to {duration(total.high)}) if what is chosen "
            "trains as fast as now"
        )
    yield words


def _confirming(forecast: Forecast) -> Iterator[str]:
    """Say what training the best levels again adds."""
    found = forecast.confirming
    if found is None:
        return
    if not found.trials:
        yield "to confirm the best levels: nothing more; what was picked is counted above"
        return
    wall = None if found.estimate is None else found.estimate.wall
    slowest = ", if the slowest level of each table is the best" if wall is not None else ""
    yield (
        f"to confirm the best levels and their defaults with fresh seeds: at most {counted(found.trials, 'trial')} more"
        f"{_about(wall)}{slowest}"
    )


def _until_decided(forecast: Forecast, looks: Looks) -> str:
    """Say how many trials a run may take that adds seeds until its levels are decided."""
    if looks.next is None:
        return f"until decided: all looks were taken ({', '.join(map(str, looks.plan))} seeds)"
    least = len(forecast.counts.missing)
    most = least + sum(one.trials for one in forecast.later)
    wall = forecast.wall_seconds
    more = [one.estimate.wall for one in forecast.later if one.estimate is not None]
    first = f"until decided: at least {counted(least, 'trial')} to run{_about(wall)}"
    if looks.next == looks.plan[-1]:
        return f"{first}, and no more: the look at {looks.next} seeds is the last"
    total = None if wall is None else sum(more, start=wall)
    return (
        f"{first}, if the look at {looks.next} seeds decides every level; at most {counted(most, 'trial')}"
        f"{_about(total)}, if none is decided before the last look, at {looks.plan[-1]} seeds"
    )


def _about(span: Span | None) -> str:
    if span is None:
        return ""
    return f", about {duration(span.expected)} ({duration(span.low)} to {duration(span.high)})"


def _packing(forecast: Forecast) -> Iterator[str]:
    wanted = forecast.resources
    each = f"{wanted.cpus_per_trial:g} CPU" + (f" and {wanted.gpus_per_trial:g} GPU" if wanted.gpus_per_trial else "")
    yield from forecast.shares
    on = counted(len(forecast.packed), "node") + (" like this one" if forecast.assumed else "")
    yield f"at once: {counted(forecast.at_once, 'trial')} on {on}, each with {each}"
    if forecast.to_come:
        groups = Counter(slots.node.name for slots in forecast.packed[-forecast.to_come :])
        named = ", ".join(f"{count} of worker group {name}" for name, count in groups.items())
        yield f"  {forecast.to_come} of the nodes are not up yet: the autoscaler may bring up {named}"
    kinds = Counter((slots.node.cpus, slots.node.gpus, slots.count, slots.limit) for slots in forecast.packed)
    for (cpus, gpus, count, limit), nodes in kinds.items():
        has = f"{cpus:g} CPU" + (f" and {gpus:g} GPU" if gpus else "")
        share = f", {per_gpu(wanted.gpus_per_trial)} on each GPU" if gpus and wanted.gpus_per_trial else ""
        yield f"  {counted(nodes, 'node')} with {has}: {counted(count, 'trial')}{share}; the {limit}s are the limit"


def _disk(forecast: Forecast) -> Iterator[str]:
    found = forecast.disk
    if found is None:
        return
    total = found.records + found.logs
    yield (
        f"disk: about {file_size(total.expected)} (at most {file_size(total.high)}): "
        f"{file_size(found.records.expected)} of records, {file_size(found.logs.expected)} of TensorBoard logs"
    )
    finals = forecast.counts.standing.study.finals
    if finals:
        models = 2 * sum(one.showing.folds or 1 for one in finals) * len(forecast.counts.standing.seeds)
        evaluate = forecast.counts.standing.study.command("evaluate")
        yield f"  `{evaluate}` keeps at most {counted(models, 'model')} of up to {file_size(found.model)}"


def _short(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _amount(span: Span) -> str:
    return f"{_digits(span.expected)} ({_digits(span.low)} to {_digits(span.high)})"


def _digits(value: float) -> str:
    """A number with two significant digits, or all digits before the point."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:#.2g}".rstrip(".")
