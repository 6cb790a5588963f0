"""The audit of a search in sentences: what is known of each rung, and what the audit leaves open."""

from analysis.statistics.audit import Audit, RungAudit
from analysis.text import difference_unit, format_number, format_range
from tune_jobs.words import counted, duration

# A chance whose interval is wider than this is said to be uncertain.
_WIDE_CHANCE = 0.5


def audit_words(found: Audit, *, metric: str, unit: str) -> list[str]:
    """Write a sentence for each rung, and one for all rungs together where there are several.

    Args:
        found: of `analysis.statistics.audit.audit`.
        metric: what the metric is called.
        unit: of it; differences of a percentage are written in points.
    """
    of = difference_unit(unit)
    lines = [f"Rung at epoch {rung.epoch}: {_rung_words(rung, metric, of)}" for rung in found.rungs]
    if len(found.rungs) > 1:
        lines.append(f"All rungs: {_rung_words(found.total, metric, of)}")
    return lines


def _rung_words(rung: RungAudit, metric: str, unit: str) -> str:
    if not rung.stopped:
        return f"{counted(rung.arrived, 'trial')} reached it, and none was stopped."
    saved = f"{duration(rung.saved_seconds)} and {format_number(rung.saved_epochs, 0)} epochs"
    spent = f"; the audit then trained {format_number(rung.audit_epochs, 0)} of these epochs" if rung.audited else ""
    head = f"{rung.stopped} of {counted(rung.arrived, 'trial')} were stopped, which saved {saved}{spent}"
    if not rung.audited:
        return f"{head}; none was audited, and it is not known how good they would have become."
    tail = [*_beating_words(rung, metric, unit)]
    if rung.correlation is not None:
        found = rung.correlation
        tail.append(
            f"rank correlation between the value here and the final one {format_number(found.value, 2)} "
            f"({format_range(found.low, found.high, 2)})"
        )
    elif rung.epoch is not None:
        tail.append(f"no rank correlation: {rung.correlation_reason}")
    return f"{head}; {'; '.join(tail)}."


def _beating_words(rung: RungAudit, metric: str, unit: str) -> list[str]:
    """Say how many stopped trials beat the best survivor, or would have, and by how much."""
    if rung.would_beat is None or rung.chance is None:
        reason = "no survivor ended well" if rung.loss is None else "a rung was not audited"
        return [f"{rung.audited} were audited; how many would have beaten the best survivor is not known ({reason})"]
    count, chance = rung.would_beat, rung.chance
    wide = ", too few audited to say much" if chance.high - chance.low > _WIDE_CHANCE else ""
    return [
        f"{rung.audited} were audited, {rung.beating} of them beat the best survivor",
        f"of all stopped trials, an estimated {count.value:.3g} would have ({count.low:.0f} to {count.high:.0f}; "
        f"chance {chance.low:.0%} to {chance.high:.0%}{wide})",
        _loss_words(rung, metric, unit),
    ]


def _loss_words(rung: RungAudit, metric: str, unit: str) -> str:
    if not rung.loss:
        return "no audited trial was better, which says nothing certain about those not audited"
    return f"the best audited trial was better by {format_number(rung.loss, 2)} {unit}".rstrip() + f" of {metric}"
