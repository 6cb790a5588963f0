"""The report's section of validation images: what the data look like, and what is classified worst."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures.images import (
    MOST_WORST,
    class_names,
    samples_caption,
    samples_figure,
    worst_caption,
    worst_figure,
)
from analysis.frames.evidence import Evidence
from analysis.frames.images import DatasetImages, dataset_images, worst_of
from analysis.report.section import Picture, Section
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import TableView
from tune_jobs.study.names import IMAGES, WORST_IMAGES


def image_sections(views: Sequence[TableView], evidence: Evidence) -> list[Section]:
    """Build the section of validation images; none where the ledger keeps none.

    Args:
        views: the report's tables.
        evidence: what the ledger knows of the study.
    """
    pictures = []
    for number, images in enumerate(dataset_images(evidence), start=1):
        more = f"-{number}" if number > 1 else ""
        pictures.append(Picture(f"{IMAGES}{more}", samples_figure(images), samples_caption(images)))
        worst = _worst(views, images, evidence)
        pictures += [Picture(f"{WORST_IMAGES}{more}", *worst)] if worst is not None else []
    return [Section(IMAGES, "Validation images", pictures=pictures)] if pictures else []


def _worst(views: Sequence[TableView], images: DatasetImages, evidence: Evidence) -> tuple[Figure, str] | None:
    labels = preferred(views, evidence)
    worst = worst_of(list(labels), images, evidence, most=MOST_WORST)
    if worst is None or not worst.images:
        return None
    return worst_figure(worst.images, class_names(images)), worst_caption(worst, images, labels[worst.position])


def preferred(views: Sequence[TableView], evidence: Evidence) -> dict[int, str]:
    """Order rows by whose mistakes are worth seeing: final configurations, then the best of those with a mean.

    Returns:
        What a caption calls each row, by its position.
    """
    finals = {table.name for table in evidence.study.finals}
    found: list[tuple[bool, float, int, str]] = []
    for view in views:
        for line in view.lines:
            mean = line.estimates.get(COMPARED)
            if mean is not None:
                is_final = view.name in finals
                words = view.title if is_final else f"{', '.join(line.labels)} of {view.title}, the best mean"
                found.append((not is_final, -mean.mean if view.higher_is_better else mean.mean, line.position, words))
    return {position: words for *_, position, words in sorted(found)}
