"""Which files of a working tree are sent: those that git does not ignore, and no secrets."""

import subprocess
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.submit import worktree
from tune_jobs.submit.worktree import files_of, is_secret, stage


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name in ("study.yaml", "net.py", "deep/more.py", ".gitignore", ".env", "keys/id_ed25519", "results/ledger/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".gitignore").write_text("results/\n*.log\n")
    (folder / "run.log").write_text("ignored")
    return folder


def copied(tree: Path, tmp_path: Path) -> tuple[set[str], list[str]]:
    """Return the files that are sent, and the lines about the others."""
    target = tmp_path / "target"
    target.mkdir()
    said = stage(tree, target)
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}, said


def git(*command: str, folder: Path) -> None:
    told = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *told, *command], cwd=folder, check=True, capture_output=True)


def test_a_git_tree_sends_what_git_does_not_ignore_committed_or_not(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "add", "-f", "net.py", ".env"], cwd=tree, check=True)
    (tree / "net.py").write_text("changed since")
    sent, said = copied(tree, tmp_path)
    assert sent == {"study.yaml", "net.py", "deep/more.py", ".gitignore"}
    assert said == ["not sent (may hold secrets): .env, keys/id_ed25519"], "not even where git has it"
    assert (tmp_path / "target" / "net.py").read_text() == "changed since"


def test_a_folder_within_a_git_tree_sends_only_its_files(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    sent, _ = copied(tree / "deep", tmp_path)
    assert sent == {"more.py"}


def test_a_deleted_file_that_git_tracks_is_not_sent(tree: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "add", "net.py"], cwd=tree, check=True)
    (tree / "net.py").unlink()
    assert "net.py" not in files_of(tree)


def test_without_git_hidden_files_and_virtual_environments_are_left_out(tree: Path) -> None:
    for name in ("venv/pyvenv.cfg", "venv/lib/x.py", "deep/__pycache__/more.pyc"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    assert files_of(tree) == ["deep/more.py", "keys/id_ed25519", "net.py", "results/ledger/x", "run.log", "study.yaml"]


def test_links_to_secrets_and_to_folders_are_left_out(tree: Path, tmp_path: Path) -> None:
    git("init", "-q", folder=tree)
    (tmp_path / "credentials").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tree / "inside").symlink_to(".env")
    (tree / "outside").symlink_to(tmp_path / "credentials")
    (tree / "library").symlink_to(tmp_path / "elsewhere")
    (tree / "again.py").symlink_to("net.py")
    sent, said = copied(tree, tmp_path)
    assert sent == {"study.yaml", "net.py", "again.py", "deep/more.py", ".gitignore"}
    assert said == [
        "not sent (may hold secrets): .env, inside, keys/id_ed25519, outside",
        "not sent (links to folders): library",
    ]


def test_submodules_are_sent_with_what_they_hold(tree: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "part.py").write_text("")
    for folder in (library, tree):
        git("init", "-q", folder=folder)
    git("add", ".", folder=library)
    git("commit", "-qm", "first", folder=library)
    git("submodule", "add", str(library), "lib", folder=tree)
    git("commit", "-qam", "first", folder=tree)
    assert "lib/part.py" in files_of(tree)
    git("clone", "-q", str(tree), "cloned", folder=tmp_path)
    assert not [name for name in files_of(tmp_path / "cloned") if name.startswith("lib")], (
        "the submodule is not checked out"
    )


def test_a_folder_that_git_ignores_can_be_sent(tree: Path) -> None:
    git("init", "-q", folder=tree)
    assert files_of(tree / "results") == ["ledger/x"]


def test_an_unreadable_file_is_named(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(worktree.shutil, "copy", refuse)  # the tests may run as root, who can read everything
    with pytest.raises(UserError, match=r"deep/more\.py: cannot be read \(Permission denied\); make it readable"):
        copied(tree, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "a/.env.local",
        "prod.env",
        ".envrc",
        ".ENV",
        "k.pem",
        "Server.PEM",
        "x/.aws/config",
        "secrets.yaml",
        "secrets/db.yaml",
        "id_rsa",
        "service-account-prod.json",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["environment.yaml", "keys.py", "secret_santa.py", "models/keynet.py", "Secretary.py"])
def test_names_that_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_too_much_is_refused_with_the_largest_files(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "MAX_JOB_BYTES", 2**20)
    (tree / "weights.bin").write_bytes(bytes(2 * 2**20))
    with pytest.raises(
        UserError, match=r"2\.1 MB would be sent, and a job may have 1 MB; have git ignore.*weights\.bin, 2\.1 MB"
    ):
        copied(tree, tmp_path)
