"""Who may import whom, and what may be loaded when."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("data_utils", "models", "tune_jobs", "analysis")
ALLOWED = {
    "data_utils": {"data_utils"},
    "models": {"models"},
    "tune_jobs": {"tune_jobs", "models", "data_utils"},
    "analysis": {"analysis", "tune_jobs"},
}
# The rooms and modules of tune_jobs that analysis may read; the others are none of its business.
ANALYSIS_MAY_READ = {"trial", "study", "ledger", "standing", "errors", "words", "files"}


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Yield file and imported module of everything that a package imports, lazily or not."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(ROOT)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                assert node.module
                yield str(path.relative_to(ROOT)), node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package: str) -> None:
    seen = list(imports(package))
    assert seen
    for path, module in seen:
        top = module.partition(".")[0]
        if top not in PACKAGES or top in ALLOWED[package]:
            continue
        assert (path, top) == ("tune_jobs/commands/cli.py", "analysis"), f"{path} must not import {module}"


@pytest.mark.parametrize("package", ["data_utils", "models", "analysis"])
def test_only_tune_jobs_imports_ray(package: str) -> None:
    assert not [path for path, module in imports(package) if module.partition(".")[0] == "ray"]


def test_analysis_reads_only_configurations_studies_and_the_ledger() -> None:
    read = {module for _, module in imports("analysis") if module.startswith("tune_jobs")}
    assert read
    assert {module.split(".")[1] for module in read} <= ANALYSIS_MAY_READ


def test_the_command_line_imports_analysis_lazily() -> None:
    top_level = ast.parse((ROOT / "tune_jobs" / "commands" / "cli.py").read_text()).body
    modules = [node.module for node in top_level if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module and module.startswith("analysis")]


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
    paths = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "analysis").rglob("*.py"))]
    modules = [".".join(path.parts) for path in paths if path.stem != "__init__"]
    assert "analysis.report.report" in modules
    code = "import tune_jobs\n" + "\n".join(f"import {name}" for name in modules)
    assert not {"torch", "ray", "torchvision"} & loaded(code)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["plan", "--help"], ["studies"]])
def test_help_and_studies_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"from tune_jobs.commands.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    assert not {"torch", "ray", "pandas", "pyarrow", "sklearn", "matplotlib"} & loaded(code)


def test_counting_does_without_torch_and_ray(tmp_path: Path) -> None:
    arguments = ["plan", "digits_demo", "--no-pilot", "--storage", str(tmp_path / "results")]
    assert not {"torch", "ray"} & loaded(f"from tune_jobs.commands.cli import main\nmain({arguments!r})")


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
