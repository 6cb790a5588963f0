"""What the name of a column says it is: a setting, a seed, a metric, a time, … Names are only read where nothing better
tells."""

import re
from collections.abc import Sequence

from tune_jobs.existing.ray_tune import BOOKKEEPING
from tune_jobs.existing.results import MAX, MIN
from tune_jobs.trial.config import FIELDS

# Prefixes that trackers and tuners put before names, and what they say.
SETTING_PREFIXES = ("config/", "config.", "params_", "params.", "params/", "param_", "hparams/", "hyperparameters.")
METRIC_PREFIXES = ("metrics.", "metrics/", "metric/", "summary/", "summary.", "values_")
OTHER_PREFIXES = ("user_attrs_", "tags.", "tags/")
# What trackers add for themselves.
_OWN_PREFIXES = ("system_attrs_", "_", "tags.mlflow.", "mlflow.")
_OWN = BOOKKEEPING | {
    "artifact_uri",
    "created",
    "datetime_complete",
    "datetime_start",
    "end_time",
    "experiment_name",
    "group",
    "host",
    "job_type",
    "node",
    "notes",
    "number",
    "project",
    "start_time",
    "started_at",
    "sweep",
    "tags",
    "url",
    "user",
    "entity",
}


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


RUN_NAMES = (
    "trial_id",
    "run_id",
    "run_name",
    "name",
    "id",
    "trial",
    "trial_name",
    "run",
    "number",
    "experiment",
    "job",
)
EPOCH_NAMES = ("training_iteration", "epoch", "epochs_done", "step", "global_step", "iteration", "iter", "round")
STATUS_NAMES = ("status", "state", "outcome")
# The best first.
SECONDS_NAMES = (
    "train_seconds",
    "time_total_s",
    "training_time",
    "train_time",
    "seconds",
    "runtime",
    "duration",
    "wall_seconds",
    "wall_time",
    "walltime",
    "elapsed",
    "fit_time",
    "time",
)
_SEED_NAMES = frozenset(
    {"fold", "rng", "random_state", "rep", "repeat", "repetition", "replicate", "replication", "restart", "split"}
)
# In whole numbers and crossed with equal configurations, they count replicates; otherwise they name runs.
MAYBE_SEED_NAMES = ("run", "trial", "try", "instance", "sample")

_HIGHER = _set_of(
    "acc accuracy auc auroc auprc f1 fscore score r2 precision recall iou miou dice bleu rouge reward psnr ssim mcc "
    "kappa top1 top5 ndcg mrr spearman pearson correlation likelihood"
)
_LOWER = _set_of(
    "loss error err rmse mse mae mape rmsle nll ppl perplexity wer cer fid bce crossentropy entropy regret logloss "
    "deviance"
)
# A name with one of these is a setting, whatever else is in it: loss_weight, score_fn.
_OF_SETTINGS = _set_of(
    "weight fn function name type scale scaling smoothing coef coefficient lambda alpha beta gamma lr "
    "objective criterion threshold clip margin schedule"
)
_VALIDATION = frozenset({"val", "valid", "validation", "vali", "dev", "eval", "evaluation", "cv", "oof", "heldout"})
_TRAINING = frozenset({"train", "training", "tr", "fit"})
_TEST = frozenset({"test", "testing", "holdout"})
_SETTINGS = _set_of(
    "lr rate dropout decay momentum batch width units hidden layers layer depth heads dim size optimizer optim "
    "activation network model arch architecture kernel filters channels warmup patience epochs augmentation "
    "regularization l1 l2 temperature n num max min"
)
VALIDATION, TRAINING, TEST, ANY = "validation", "train", "test", ""
_PARTS = ((VALIDATION, _VALIDATION), (TRAINING, _TRAINING), (TEST, _TEST))
_LABELS = {"acc": "Accuracy", "r2": "R²", "f1": "F1", "ppl": "Perplexity", "fscore": "F-score", "err": "Error"}
_ABBREVIATIONS = _set_of("auc auroc auprc iou miou bleu rmse mse mae mape rmsle nll wer cer fid bce psnr ssim mcc mrr")
_WORDS = re.compile(r"[A-Z]+\d*(?![a-z])|[A-Z]?[a-z]+\d*|\d+")
_UNITS = {"ms": 0.001, "milliseconds": 0.001, "minutes": 60.0, "min": 60.0, "mins": 60.0, "hours": 3600.0, "h": 3600.0}


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: "valAcc/top-1" is val, acc, top, 1."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def plain_name(name: str) -> str:
    """The name without a prefix that a tracker or tuner put before it."""
    for prefix in (*SETTING_PREFIXES, *METRIC_PREFIXES, *OTHER_PREFIXES):
        if name.startswith(prefix) and len(name) > len(prefix):
            return name.removeprefix(prefix)
    return name


def is_own(name: str) -> bool:
    """Whether a tracker or tuner keeps the column for itself."""
    return name.lower().replace(" ", "_") in _OWN or name.startswith(_OWN_PREFIXES)


def is_seed(name: str) -> bool:
    """Whether a name is that of a seed, a fold or a replicate."""
    last = plain_name(name).rpartition("/")[2].rpartition(".")[2]
    words = words_of(last)
    return "seed" in words or "_".join(words) in _SEED_NAMES or words in (("cv", "fold"), ("fold", "id"))


def goal_of(name: str) -> str:
    """Whether the metric of this name is better when it is higher, "max", or lower, "min"; "" where that is open."""
    words = words_of(plain_name(name))
    sides = [MAX if word in _HIGHER else MIN for word in words if word in _HIGHER | _LOWER]
    if not sides:
        return ""
    goal = sides[-1]
    if words[0] in ("neg", "negative", "minus") or ("neg" in words and "likelihood" not in words):
        return MIN if goal == MAX else MAX
    return MIN if words[-2:] == ("log", "loss") or ("negative" in words and "likelihood" in words) else goal


def is_metric(name: str) -> bool:
    """Whether a name is that of something measured."""
    words = words_of(plain_name(name))
    return bool(goal_of(name)) and not set(words) & _OF_SETTINGS


def is_setting(name: str) -> bool:
    """Whether a name is that of a setting."""
    plain = plain_name(name)
    return plain in FIELDS or (bool(set(words_of(plain)) & (_SETTINGS | _OF_SETTINGS)) and not is_metric(name))


def part_of(name: str) -> str:
    """The part of the data that a metric was measured on: "validation", "train", "test", or "" where it is not said."""
    words = set(words_of(plain_name(name)))
    return next((part for part, named in _PARTS if words & named), ANY)


def measured_words(name: str) -> tuple[str, ...]:
    """The words of a metric's name without the part of the data."""
    of_parts = _VALIDATION | _TRAINING | _TEST
    words = words_of(plain_name(name))
    return tuple(word for word in words if word not in of_parts) or words


def metric_label(name: str) -> str:
    """Name a metric as a table does, without the part of the data: "val_acc" is "Accuracy"."""
    return " ".join(_word_label(word) for word in measured_words(name))


def factor_label(name: str) -> str:
    """Name a setting as a table does: as a field of a study is named, or as it was written."""
    return FIELDS[name].label if name in FIELDS else name


def seconds_rank(name: str) -> int | None:
    """How likely a name is that of the training time, 0 the most; None where it is not the name of a time."""
    key = "_".join(words_of(plain_name(name)))
    if key in SECONDS_NAMES:
        return SECONDS_NAMES.index(key)
    words = key.split("_")
    stem = "_".join(words[:-1])
    if words[-1] in ("s", "sec", "secs", "seconds", *_UNITS) and ("time" in words or stem in SECONDS_NAMES):
        return SECONDS_NAMES.index(stem) if stem in SECONDS_NAMES else len(SECONDS_NAMES)
    return None


def seconds_per_unit(name: str) -> float:
    """How many seconds one in a column of times is, by its name."""
    words: Sequence[str] = words_of(plain_name(name)) or ("",)
    return _UNITS.get(words[-1], 1.0)


def _word_label(word: str) -> str:
    if word in _LABELS:
        return _LABELS[word]
    return word.upper() if word in _ABBREVIATIONS else word.capitalize()
