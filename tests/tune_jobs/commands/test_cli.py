"""The command line: one clear line and exit code 2 for bad input, and nothing lost by it."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tune_jobs.commands.arguments import overrides_from, study_of
from tune_jobs.commands.cli import main, parser
from tune_jobs.commands.interface import Study
from tune_jobs.errors import UserError
from tune_jobs.ledger import provenance
from tune_jobs.study.load import load_study


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a command with bad input prints."""
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("ablatune: ")
    assert "Traceback" not in captured.err
    return line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "digit_demo"], "there is no study 'digit_demo'; did you mean digits_demo?"),
        (["run", "digits_demo", "--set", "learning_rat=1"], "did you mean learning_rate?"),
        (["run", "digits_demo", "--set", "learning_rate=-1"], "learning_rate: -1 is out of bounds"),
        (["run", "digits_demo", "--set", "learning_rate"], "give FIELD=VALUE"),
        (["run", "digits_demo", "--set", "epochs=1", "--set", "epochs=2"], "epochs is given twice"),
        (["run", "digits_demo", "--set", "epochs=0"], "epochs: 0 is out of bounds"),
        (["run", "digits_demo", "--set", "dataset=mnits"], "did you mean mnist?"),
        (["run", "digits_demo", "--set", "optimizer=adm"], "did you mean adam?"),
        (["run", "digits_demo", "--set", "activation=rleu"], "did you mean relu?"),
        (["run", "digits_demo", "--set", "batch_size=5000"], "more than the 1077 training rows"),
        (["run", "digits_demo", "--set", "dataset=diabetes"], "is not for regression"),
        (["run", "digits_demo", "--gpus-per-trial", "1.5"], "--gpus-per-trial: 1.5 is neither"),
        (["run", "digits_demo", "--cpus-per-trial", "0"], "--cpus-per-trial: 0 is not above 0"),
        (["run", "digits_demo", "--time-limit", "0"], "--time-limit: 0 is not above 0 minutes"),
        (["plan", "digit_demo"], "there is no study 'digit_demo'; did you mean digits_demo?"),
        (["plan", "digits_demo", "--rate", "-1"], "--rate: -1 is not a price"),
        (["plan", "digits_demo", "--gpus-per-trial", "1.5"], "--gpus-per-trial: 1.5 is neither"),
        (["status", "digits_demo"], "there is no ledger"),
        (["report", "digits_demo"], "there is no ledger"),
        (["show", "abcdef"], "there is no ledger"),
        (["ledger", "list"], "there is no ledger"),
        (["ledger", "merge", "nowhere"], "there is no ledger"),
        (["ledger", "export", "all.xlsx"], "ends in neither .parquet nor .csv"),
    ],
)
def test_bad_input_gets_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    assert words in fails(capsys, *arguments, "--storage", str(tmp_path / "results"))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "digits_demo", "--seeds", "0"], "'0' is not a whole number of at least 1"),
        (["run", "digits_demo", "--seeds", "100000000"], "100000000 is more than 10000"),
        (["run", "digits_demo", "--cpus-per-trial", "x"], "'x' is not a number"),
        (["plan", "digits_demo", "--nodes", "0"], "'0' is not a whole number of at least 1"),
        (["plan", "digits_demo", "--nodes", "9" * 5001], "is not a whole number of at least 1"),
        (["run", "digits_demo", "--max-concurrent", "0"], "'0' is not a whole number of at least 1"),
        (["run", "digits_demo", "--cpus", "-1"], "'-1' is not a whole number of at least 1"),
        (["run", "digits_demo", "--cpus-per-trial", "nan"], "nan is not a finite number"),
        (["run", "digits_demo", "--cpus-per-trial", "x" * 500], "x… is not a number"),
        (["run", "digits_demo", "--fraction", "inf"], "inf is not a finite number"),
        (["ledger", "export", "--output", "x", "y"], "--output y; `ablatune ledger export --help` says"),
        (["ledger", "list", "--yes"], "--yes; `ablatune ledger list --help` says what there is"),
        (["ledger", "export"], "required: FILE; `ablatune ledger export --help` says"),
        (["ledger", "lst"], "`ablatune ledger --help` says what there is"),
        (["run", "digits_demo", "--sedes", "3"], "--sedes 3; `ablatune run --help` says what there is"),
        (["x" * 5000], "`ablatune --help` says what there is"),
        (["--nothing", "studies"], "`ablatune --help` says what there is"),
        (["rum"], "invalid choice: 'rum'"),
    ],
)
def test_arguments_that_do_not_parse(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ablatune: ")
    assert words in line
    assert len(line) < 700


@pytest.mark.parametrize(
    "given",
    [
        "hf_token=MARKED",
        "password=MARKED",
        "api_key=MARKED",
        "source=s3://id:MARKED@bucket/x",
        "SECRET=MARKED",
        "network.api_key=MARKED",
        "network.password=4711",
        "token=47114711",
        "api_key=[MARKED, 1]",
    ],
)
def test_a_secret_among_the_fields_is_refused_and_not_shown(capsys: pytest.CaptureFixture[str], given: str) -> None:
    line = fails(capsys, "run", "digits_demo", "--set", given, "--dry-run")
    name = given.partition("=")[0]
    assert line == (
        f"ablatune: --set {name}=…: looks like a secret, and fields are recorded with every trial; have your code read "
        "secrets from the environment"
    )


@pytest.mark.parametrize("overrides", [{"api_key": "MARKED"}, {"x": {"token": ["MARKED"]}}, {"secret": 4711}])
def test_a_secret_is_refused_in_python_as_on_the_command_line(overrides: dict[str, object]) -> None:
    for make in (lambda: Study.load("digits_demo", overrides=overrides), lambda: Study(base={}, overrides=overrides)):
        with pytest.raises(UserError, match=f"--set {next(iter(overrides))}=…: looks like a secret") as caught:
            make()
        assert "MARKED" not in str(caught.value)


@pytest.mark.parametrize("given", ["tokens=12", "token=12", "key=x", "monkey=x", "class_token=true", "network.token=0"])
def test_names_that_only_resemble_a_secret_s_are_fields(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert "secret" not in fails(capsys, "run", "digits_demo", "--set", given, "--dry-run")


def test_an_empty_storage_is_no_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--storage: is empty; give a folder" in fails(capsys, "run", "digits_demo", "--storage", " ")


def test_missing_and_torn_data_files_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("base: {dataset: usps}\ntables: [{factor: epochs, levels: [1]}]")
    study = ("run", tmp_path / "own.yaml", "--no-download", "--storage", tmp_path / "results")
    line = fails(capsys, *study, "--data-dir", tmp_path / "data")
    assert "usps.bz2" in line
    assert str(tmp_path / "data") in line
    (tmp_path / "data" / "USPS").mkdir(parents=True)
    (tmp_path / "data" / "USPS" / "usps.bz2").write_bytes(b"BZh9 torn")
    assert "usps.bz2" in fails(capsys, *study, "--data-dir", tmp_path / "data")
    assert not (tmp_path / "results" / "studies").exists() or not list((tmp_path / "results").rglob("trial-*"))


def test_a_ledger_folder_that_cannot_be_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for command in ("run", "plan"):
        assert "cannot be" in fails(capsys, command, "digits_demo", "--storage", tmp_path / "file" / "below")
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "notes.txt").write_text("mine")
    assert "notes.txt: does not belong to a ledger" in fails(capsys, "run", "digits_demo", "--storage", tmp_path)
    assert (tmp_path / "ledger" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("loop", "it is a link that leads in a circle; mend the link, or give another --storage"),
        ("x" * 300, "its name is too long for the file system; shorten it"),
        ("a\0b", "; give the path "),
    ],
)
@pytest.mark.parametrize("command", [("run", "digits_demo"), ("plan", "digits_demo", "--no-pilot"), ("ledger", "list")])
def test_a_storage_that_can_be_no_folder_is_one_line(
    command: tuple[str, ...], name: str, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    line = fails(capsys, *command, "--storage", f"{tmp_path}/{name}")
    assert words in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("run", "digits_demo"), "cannot be written: it is a file, or lies below one; move the file away"),
        (("plan", "digits_demo"), "cannot be written: a file is where a folder should be; move the file away"),
        (("ledger", "list"), "there is no ledger"),
    ],
)
def test_a_storage_that_is_a_file_is_one_line(
    command: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    assert words in fails(capsys, *command, "--storage", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


def test_studies_says_what_each_reproduces(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studies"]) == 0
    out = capsys.readouterr().out
    assert "martini_jamal_2026" in out
    assert "reproduces: J.-V. Martini and A. Jamal" in out


def test_a_dry_run_counts_and_writes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["run", "digits_demo", "--dry-run", "--seeds", "2", "--storage", str(tmp_path / "results")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert re.search(r"24 rows × 2 seeds = 48 table cells, filled by 28 trainings", out)
    assert "in the ledger: 0; to run: 28" in out
    assert not (tmp_path / "results").exists()


def test_a_plan_without_pilots_counts_and_writes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    storage = ["--storage", str(tmp_path / "results")]
    assert main(["plan", "digits_demo", "--no-pilot", "--seeds", "2", "--cpus", "4", "--nodes", "3", *storage]) == 0
    out = capsys.readouterr().out
    assert "in the ledger: 0; to run: 28" in out
    assert "at once: 12 trials on 3 nodes like this one" in out
    assert "wall time" not in out
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["report", "--help"]])
def test_help_reads_no_study(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom tune_jobs.commands.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'tune_jobs.study.model', 'tune_jobs.trial.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("arguments", "named"), [([], "completion"), (["ledger"], "export")])
def test_without_a_command_the_help_is_shown(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out.startswith("usage: ablatune")
    assert named in said.out
    assert said.err == ""


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ablatune {provenance.code_version()}\n"


def test_values_of_the_command_line_may_be_yes_no_and_null(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "base: {network: cnn, pooling: no, batch_norm: yes, dropout: null}\nfinal: {epochs: 3}\n"
    )
    assert load_study(str(tmp_path / "s.yaml")).base == {
        "network": "cnn",
        "pooling": False,
        "batch_norm": True,
        "dropout": 0.0,
    }
    overrides = overrides_from(["pooling=yes", "batch_norm=no", "weight_decay=null"])
    study = load_study(str(tmp_path / "s.yaml"), overrides)
    assert study.overrides == {"pooling": True, "batch_norm": False, "weight_decay": 0.0}


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["tiny.yaml"], "ablatune run tiny.yaml"),
        (["sub/the tiny.yaml"], "ablatune run 'sub/the tiny.yaml'"),
        (["digits_demo"], "ablatune run digits_demo"),
        (
            ["tiny.yaml", "--storage", "other", "--seeds", "3", "--set", "batch_norm=yes", "--fraction", "0.5"],
            "ablatune run tiny.yaml --seeds 3 --storage other --set batch_norm=true --fraction 0.5",
        ),
    ],
)
def test_a_hint_names_the_study_as_the_user_did(
    tiny_study: Path,
    arguments: list[str],
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tiny_study.parent)
    monkeypatch.delenv("ABLATUNE_DATA_DIR", raising=False)
    Path("sub").mkdir()
    shutil.copy(tiny_study, "sub/the tiny.yaml")
    line = fails(capsys, "report", *arguments)
    assert f"`{command}` creates it" in line
    hint = parser().parse_args(shlex.split(command)[1:])
    asked = parser().parse_args(["run", *arguments])
    hinted, meant = study_of(hint).definition, study_of(asked).definition
    assert (hinted.source, hinted.overrides, hinted.fraction) == (meant.source, meant.overrides, meant.fraction)
    assert (hint.storage, hint.replicates) == (asked.storage, asked.replicates)


def test_a_study_that_is_defined_in_python_is_told_of_the_call() -> None:
    study = Study(base={"epochs": 1}, tables=[{"factor": "hidden_units", "levels": [4]}])
    assert study.definition.command("report") == "report()"
    assert study.definition.command("run", "--retry-failed") == "run(retry_failed=True)"
    assert study.definition.command("run", "--seeds", "5", "--confirm") == "run(confirm=True) with replicates=5"


def test_a_flag_that_a_hint_gives_anew_stands_in_it_once(tiny_study: Path) -> None:
    study = Study.load(tiny_study, replicates=2, storage="r").definition
    assert study.command("run", "--seeds", "5") == f"ablatune run {tiny_study} --storage r --seeds 5"
