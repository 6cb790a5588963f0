"""Who may import whom, and what may be loaded when."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("data_utils", "models", "tune_jobs", "analysis")
# A room may import itself and the rooms before it. Lazy imports and those for type checkers count.
ROOMS = (
    "data_utils",
    "models",
    "tune_jobs.collector",
    "tune_jobs.errors",
    "tune_jobs.words",
    "tune_jobs.logs",
    "tune_jobs.files",
    "tune_jobs.storage",
    "tune_jobs.trial",
    "tune_jobs.isolation",
    "tune_jobs.trainer",
    "tune_jobs.user_code",
    "tune_jobs.study",
    "tune_jobs.ledger",
    "tune_jobs.stacking",
    "tune_jobs.standing",
    "tune_jobs.trackers",
    "tune_jobs.existing",
    "analysis.text",
    "analysis.statistics",
    "analysis.frames",
    "analysis.tables",
    "analysis.figures",
    "analysis.published",
    "analysis.report",
    "tune_jobs.capacity",
    "tune_jobs.workers",
    "tune_jobs.training",
    "tune_jobs.forecast",
    "tune_jobs.submit",
    "tune_jobs.view",
    "tune_jobs.commands",
    "tune_jobs.__main__",
    "ablatune",
)
# What a package may see of the rooms outside it, if that is not all that come before.
SEES: Mapping[str, tuple[str, ...]] = {
    "data_utils": (),
    "models": (),
    "analysis": tuple(
        f"tune_jobs.{room}" for room in ("errors", "words", "files", "trial", "study", "ledger", "standing", "existing")
    ),
}
# The rooms that may see a package, if those are not all that come after.
SEEN_BY: Mapping[str, tuple[str, ...]] = {"analysis": ("tune_jobs.commands",)}
WITHOUT_RAY = ("data_utils", "models", "analysis")

Imports = Mapping[str, Iterable[str]]


def source_files() -> dict[str, Path]:
    """Return the file of every module of the project, by the module's name."""
    paths = [ROOT / "ablatune.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return dict(zip(names, paths, strict=True))


def imports_of(path: Path, modules: Iterable[str]) -> set[str]:
    """Return the modules that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(modules)
            found |= submodules or {node.module}
    return found


def room_of(module: str) -> str | None:
    return next((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), None)


def broken_rules(imports: Imports) -> list[str]:
    """Return a line for each rule that a project with these imports breaks."""
    lines = []
    for module, imported in imports.items():
        package, room = module.partition(".")[0], room_of(module)
        if module in PACKAGES:
            room = module
        elif room is None:
            lines.append(f"{module} is in no room")
            continue
        for other in imported:
            top, other_room = other.partition(".")[0], room_of(other)
            if top == "ray" and package in WITHOUT_RAY:
                lines.append(f"{module} imports Ray")
            if top not in (*PACKAGES, "ablatune") or other in PACKAGES or other_room in (room, None):
                continue
            if room not in ROOMS or ROOMS.index(other_room) > ROOMS.index(room):
                lines.append(f"{module} imports {other}, which is in a later room")
            if top != package and package in SEES and other_room not in SEES[package]:
                lines.append(f"{module} imports {other}, which {package} may not see")
            if top != package and top in SEEN_BY and room not in SEEN_BY[top]:
                lines.append(f"{module} imports {other}; only {', '.join(SEEN_BY[top])} may")
    try:
        TopologicalSorter({module: set(imported) - {module} for module, imported in imports.items()}).prepare()
    except CycleError as error:
        lines.append(f"imports run in a circle: {' → '.join(error.args[1])}")
    return lines


@pytest.fixture(scope="module")
def imports() -> Imports:
    """Return what each module of the project imports."""
    files = source_files()
    return {module: imports_of(path, files) for module, path in files.items()}


def test_imports_follow_the_rules(imports: Imports) -> None:
    assert len(imports) > 150
    assert broken_rules(imports) == []


@pytest.mark.parametrize(
    ("module", "imported", "line"),
    [
        ("tune_jobs.storage.s3", "tune_jobs.trial.config", "which is in a later room"),
        ("tune_jobs.standing.stages", "tune_jobs.training.trainable", "which is in a later room"),
        ("tune_jobs.forecast.plan", "tune_jobs.commands.run", "which is in a later room"),
        ("tune_jobs.commands.cli", "ablatune", "which is in a later room"),
        ("analysis.statistics.intervals", "analysis.frames.frames", "which is in a later room"),
        ("analysis.report.report", "tune_jobs.storage.storage", "which analysis may not see"),
        ("analysis.report.report", "tune_jobs.training.data", "which is in a later room"),
        ("analysis.frames.frames", "models.history", "which analysis may not see"),
        ("models.engine", "data_utils.splits", "which models may not see"),
        ("data_utils.digits", "models.registry", "which is in a later room"),
        ("tune_jobs.training.trainable", "analysis.text", "only tune_jobs.commands may"),
        ("models.engine", "ray", "imports Ray"),
        ("analysis.report.report", "ray.tune", "imports Ray"),
        ("tune_jobs.elsewhere", "json", "is in no room"),
        ("tune_jobs.standing.replicates", "tune_jobs.standing.standing", "imports run in a circle"),
    ],
)
def test_each_rule_can_be_broken(imports: Imports, module: str, imported: str, line: str) -> None:
    broken = broken_rules({**imports, module: {*imports.get(module, ()), imported}})
    assert any(line in one for one in broken), broken


def test_lazy_imports_count(tmp_path: Path) -> None:
    path = tmp_path / "lazy.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a.b\ndef f():\n    from c import d\n"
    )
    assert imports_of(path, ["a.b", "c.d"]) == {"typing", "a.b", "c.d"}


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room.replace(".", "/")).is_dir()])
def test_a_room_says_what_belongs_in_it_and_holds_no_code_itself(room: str) -> None:
    tree = ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text())
    words = ast.get_docstring(tree) or ""
    assert words.count(".") >= 2, f"{room} does not say in two sentences what belongs in it and what does not"
    if "." in room:
        assert len(tree.body) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_mirror_the_rooms(package: str) -> None:
    folders = [path for path in (ROOT / "tests" / package).rglob("*") if path.is_dir() and list(path.glob("test_*.py"))]
    unknown = [path for path in folders if not (ROOT / path.relative_to(ROOT / "tests")).is_dir()]
    assert not unknown


def test_the_command_line_imports_analysis_lazily() -> None:
    for module in ("cli", "training_commands", "report_commands", "ledger_commands", "interface", "report"):
        top_level = ast.parse((ROOT / "tune_jobs" / "commands" / f"{module}.py").read_text()).body
        names = [node.module for node in top_level if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name and name.startswith("analysis")]


def loaded(code: str, cwd: Path = ROOT) -> set[str]:
    """Return the modules that are loaded after some code in a fresh process."""
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
    ).stdout
    return set(out.splitlines()[-1].split())


def test_analysis_loads_neither_torch_nor_ray() -> None:
    modules = [module for module in source_files() if module.startswith("analysis.")]
    assert "analysis.report.report" in modules
    code = "import tune_jobs\n" + "\n".join(f"import {module}" for module in modules)
    assert not {"torch", "ray", "torchvision"} & loaded(code)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["plan", "--help"], ["studies"]])
def test_help_and_studies_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"from tune_jobs.commands.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    assert not {"torch", "ray", "pandas", "pyarrow", "sklearn", "matplotlib"} & loaded(code)


def test_counting_does_without_torch_and_ray(tmp_path: Path) -> None:
    arguments = ["plan", "digits_demo", "--no-pilot", "--storage", str(tmp_path / "results")]
    assert not {"torch", "ray"} & loaded(f"from tune_jobs.commands.cli import main\nmain({arguments!r})")


def test_what_a_run_says_it_found_does_without_scipys_statistics_until_a_test_needs_them() -> None:
    assert "scipy.stats" not in loaded("import analysis.report.findings")


def test_the_project_wins_over_the_users_own_models_module(tmp_path: Path) -> None:
    for name in ("models", "analysis", "data_utils"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    code = "import tune_jobs, models.registry, data_utils.registry, analysis.report.report"
    assert "models.registry" in loaded(code, cwd=tmp_path)


def test_folders_of_the_same_names_beside_a_script_are_not_taken_for_the_package(tmp_path: Path) -> None:
    for name in ("ablatune", "analysis", "models"):
        (tmp_path / name).mkdir()
    script = tmp_path / "script.py"
    script.write_text("import ablatune, analysis.report.report, models.networks\nprint(ablatune.Study.__name__)\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "Study\n", done.stderr
