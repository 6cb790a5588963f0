"""The whole of `ray up cluster.yaml` on a simulated AWS, whose instances are hosts made of namespaces."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("moto.server", reason="the simulated AWS is not installed: run `make setup-cluster`")

from tests.cluster import lab
from tests.cluster.cloud import BUCKET, ROOT, SERVER, credentials
from tests.cluster.lab import Lab, copy_of_the_project, wait_until

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(lab.why_not()), reason=lab.why_not())]

URL = "http://172.31.0.1:5000"  # the client's address
STORAGE = f"s3://{BUCKET}/ablatune"
STUDY = """\
seeds: 2
base: {dataset: digits, network: mlp, hidden_units: 32, learning_rate: 0.003, epochs: 30}
tables:
  - factor: hidden_units
    levels: [16, 32]
resources: {gpus_per_trial: 0.25, cpus_per_trial: 1, checkpoint_minutes: 0.02}
"""
# Run on the client, which alone reaches the cloud.
SET_UP = """
import json, sys
from tests.cluster.cloud import Cloud
cloud = Cloud(sys.argv[1])
key = open(sys.argv[2], "rb").read()
cloud.client("ec2").import_key_pair(KeyName="ray-autoscaler_us-west-2", PublicKeyMaterial=key)
print(json.dumps({**cloud.account(), "image": cloud.image()}))
"""
LIST = """
import json, sys
from tests.cluster.cloud import Cloud
found = Cloud(sys.argv[1]).started("ablatune")
print(json.dumps([(kind, one["InstanceId"], one["PrivateIpAddress"]) for kind in found for one in found[kind]]))
"""
SAVED = """
import sys
from tests.cluster.cloud import BUCKET, Cloud
print([one["Key"] for one in Cloud(sys.argv[1]).client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])])
"""
TERMINATE = """
import sys
from tests.cluster.cloud import Cloud
Cloud(sys.argv[1]).client("ec2").terminate_instances(InstanceIds=[sys.argv[2]])
"""


class Aws:
    """A client, a simulated cloud, and the hosts that stand for the instances it starts.

    The cloud assigns the addresses 172.31.0.4, .5, … in turn, which are those of the hosts.

    Args:
        folder: a new folder.
    """

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder, 4, Path(sys.prefix), keep=[ROOT], net="172.31.0", first=4, bits=20)
        self.project = copy_of_the_project(folder / "project")
        more = {"RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "150000000", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        # Nodes import the copy that was sent to them.
        self.lab.set_environment(**credentials(URL), **more, PYTHONPATH="/root/ablatune")
        self.environment = {**credentials(URL), "PYTHONPATH": str(self.project)}
        self._log = (folder / "moto.log").open("wb")
        command = [sys.executable, "-m", "moto.server", "-H", "172.31.0.1", "-p", "5000"]
        given = {"stdin": subprocess.DEVNULL, "stdout": self._log, "stderr": self._log}
        self._moto = self.lab.start(command, environment=SERVER, **given)

    def set_up(self) -> None:
        """Set up the account, and edit the lines of the file that say CHANGE."""
        self._wait_for_cloud()
        account = json.loads(self.run("python", "-c", SET_UP, URL, str(self.lab.key.with_suffix(".pub"))))
        key = "~/.ssh/ray-autoscaler_us-west-2.pem"
        self.run("bash", "-c", f"mkdir -p ~/.ssh && install -m 600 {self.lab.key} {key}")
        self._edit_file(account)

    def _wait_for_cloud(self) -> None:
        connect = ["bash", "-c", "exec 3<>/dev/tcp/172.31.0.1/5000"]
        wait_until(lambda: self.lab.run(connect).returncode == 0, "the simulated AWS", seconds=120)

    def _edit_file(self, account: dict[str, str]) -> None:
        text = (self.project / "cluster.yaml").read_text()
        for pattern, to in {
            r"resolve:ssm:\S+": account["image"],
            r"sg-0{17}": account["SecurityGroup"],
            r"s3://my-bucket/ablatune": STORAGE,
            r"ssh_user: ubuntu": "ssh_user: root",
            r"region: us-west-2": "region: us-west-2\n  availability_zone: us-west-2a\n  use_internal_ips: true",
            r"idle_timeout_minutes: 10": "idle_timeout_minutes: 0.2",
        }.items():
            text, count = re.subn(pattern, to, text)
            assert count == 1, pattern
        (self.project / "cluster.yaml").write_text(text)

    def run(self, *command: str, seconds: float = 600.0) -> str:
        """Run a command on the client, in the project; it must succeed."""
        done = self.lab.run(command, folder=self.project, environment=self.environment, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def instances(self) -> list[list[str]]:
        """Return the kind, id and address of each running instance."""
        found: list[list[str]] = json.loads(self.run("python", "-c", LIST, URL))
        return found

    def wait_for(self, *kinds: str, seconds: float = 600.0) -> list[list[str]]:
        """Wait until exactly these kinds of nodes run; return them."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.instances()
            if sorted(kind for kind, _, _ in found) == sorted(kinds):
                return found
            assert time.monotonic() < deadline, f"waited for {kinds}, there are {found}"
            time.sleep(1)

    def wait_for_checkpoints(self, seconds: float = 600.0) -> None:
        """Wait until a trial has saved a checkpoint."""
        wait_until(lambda: "checkpoints/" in self.run("python", "-c", SAVED, URL), "a checkpoint", seconds)

    def close(self) -> None:
        """Stop the hosts and the cloud."""
        self.lab.close()
        self._moto.wait()
        self._log.close()


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    with closing(Aws(tmp_path / "lab")) as aws:
        aws.set_up()
        yield aws


def test_a_study_survives_the_loss_of_a_spot_instance(aws: Aws) -> None:
    (aws.project / "study.yaml").write_text(STUDY)
    aws.run("ray", "up", "--yes", "--no-config-cache", "cluster.yaml")
    aws.wait_for("head")
    submit = ["ablatune", "submit", "study.yaml", "--cluster", "cluster.yaml", "--storage", STORAGE]
    client = aws.lab.start(
        [*submit, "--logical-gpus", "1", "--set", "epochs=150"],
        folder=aws.project,
        environment=aws.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    ((taken, address),) = (rest for kind, *rest in aws.wait_for("head", "gpu_spot") if kind == "gpu_spot")
    assert address == aws.lab.address(1)
    aws.wait_for_checkpoints()
    aws.run("python", "-c", TERMINATE, URL, taken)
    aws.lab.power_cut(1)
    output, _ = client.communicate(timeout=900)
    assert client.returncode == 0, output
    assert "4 completed" in output
    aws.wait_for("head")
    aws.run("ray", "down", "--yes", "cluster.yaml")
    assert aws.instances() == []
