"""cluster.yaml against a simulated AWS: what Ray makes of it, what it starts, and who gets in."""

import copy
import functools
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("moto.server", reason="the simulated AWS is not installed: run `make setup-cluster`")
pytest.importorskip("ray.autoscaler._private.commands", reason="Ray's cluster launcher is not installed")

from botocore.exceptions import ClientError
from ray.autoscaler._private import commands
from ray.autoscaler._private import constants as ray_constants
from ray.autoscaler._private.autoscaler import StandardAutoscaler
from ray.autoscaler._private.aws import node_provider
from ray.autoscaler._private.aws import utils as aws_utils
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.command_runner import SSHCommandRunner, _with_interactive
from ray.autoscaler._private.load_metrics import LoadMetrics
from ray.autoscaler._private.util import with_envs
from ray.autoscaler.tags import TAG_RAY_LAUNCH_CONFIG, TAG_RAY_NODE_KIND, TAG_RAY_USER_NODE_TYPE
from ray.core.generated.common_pb2 import Bundle, PlacementStrategy
from ray.core.generated.gcs_pb2 import PlacementGroupTableData

from tests.cluster.cloud import BUCKET, LAPTOP, REGION, ROOT, Cloud, running, tags

FILE = ROOT / "cluster.yaml"
WORKERS = ("cpu_on_demand", "cpu_spot", "gpu_on_demand", "gpu_spot")
WORLD = {"0.0.0.0/0", "::/0"}
Config = dict[str, Any]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running(tmp_path_factory.mktemp("cloud")) as cloud, pytest.MonkeyPatch.context() as environment:
        environment.chdir(ROOT)
        aws_utils.resource_cache.cache_clear()
        aws_utils.client_cache.cache_clear()
        # The catalogue is the same for all files, and reading it takes seconds.
        environment.setattr(node_provider, "list_ec2_instances", functools.cache(node_provider.list_ec2_instances))
        yield cloud
        aws_utils.resource_cache.cache_clear()
        aws_utils.client_cache.cache_clear()


@pytest.fixture(scope="module")
def account(cloud: Cloud) -> dict[str, str]:
    return cloud.account()


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return cloud.image()


@pytest.fixture
def config(account: dict[str, str], image: str) -> Config:
    """Return the file with the two values that only a real account has."""
    config = as_written()
    for node_type in config["available_node_types"].values():
        assert node_type["node_config"]["ImageId"].startswith("resolve:ssm:/aws/service/deeplearning/ami/")
        assert node_type["node_config"]["SecurityGroupIds"] == ["sg-00000000000000000"]
        node_type["node_config"]["ImageId"] = image
        node_type["node_config"]["SecurityGroupIds"] = [account["SecurityGroup"]]
    return config


def as_written() -> Config:
    config: Config = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return copy.deepcopy(config)  # merged mappings become their own


def made_as(kind: str, name: str) -> dict[str, str]:
    return {TAG_RAY_NODE_KIND: kind, TAG_RAY_USER_NODE_TYPE: name, TAG_RAY_LAUNCH_CONFIG: ""}


def open_to_the_world(cloud: Cloud) -> list[str]:
    """Return the security groups that let anybody in."""
    return [
        group["GroupName"]
        for group in cloud.client("ec2").describe_security_groups()["SecurityGroups"]
        for rule in group["IpPermissions"]
        if WORLD & {part["CidrIp"] for part in rule["IpRanges"]}
        | WORLD & {part["CidrIpv6"] for part in rule["Ipv6Ranges"]}
    ]


def launch(cloud: Cloud, config: Config, cluster: str) -> Config:
    """Do with a file what `ray up` and the autoscaler do: bootstrap it, then start one node of each kind."""
    ready: Config = commands._bootstrap_config({**config, "cluster_name": cluster}, no_config_cache=True)
    provider = AWSNodeProvider(ready["provider"], cluster)
    for name, node_type in ready["available_node_types"].items():
        kind = "head" if name == ready["head_node_type"] else "worker"
        provider.create_node(copy.deepcopy(node_type["node_config"]), made_as(kind, name), 1)
    return ready


def check(cloud: Cloud, config: Config, cluster: str, account: dict[str, str]) -> None:
    """Launch a file's nodes, and look at what the cloud says of them."""
    ready = launch(cloud, config, cluster)
    resources = {name: node_type["resources"] for name, node_type in ready["available_node_types"].items()}
    assert resources["head"] == {"CPU": 0}
    for kind, cpus, gpus in (("cpu", 8, 0), ("gpu", 4, 1)):
        assert resources[f"{kind}_spot"] == resources[f"{kind}_on_demand"]
        assert resources[f"{kind}_spot"]["CPU"] == cpus
        assert resources[f"{kind}_spot"].get("GPU", 0) == gpus

    assert open_to_the_world(cloud) == []
    nodes = cloud.started(cluster)
    assert sorted(nodes) == sorted(("head", *WORKERS))
    volumes = {volume["VolumeId"]: volume for volume in cloud.client("ec2").describe_volumes()["Volumes"]}
    for name, (node,) in nodes.items():
        assert node.get("InstanceLifecycle") == ("spot" if name.endswith("_spot") else None)
        assert [group["GroupId"] for group in node["SecurityGroups"]] == [account["SecurityGroup"]]
        profile = "ablatune-head" if name == "head" else "ablatune-worker"
        assert node["IamInstanceProfile"]["Arn"].endswith(f":instance-profile/{profile}")
        assert node["MetadataOptions"]["HttpTokens"] == "required"
        assert tags(node)["project"] == "ablatune"
        assert tags(node)["ray-cluster-name"] == cluster
        (disk,) = node["BlockDeviceMappings"]
        assert volumes[disk["Ebs"]["VolumeId"]]["Size"] == 100
        assert tags(volumes[disk["Ebs"]["VolumeId"]])["project"] == "ablatune"


def test_each_kind_of_node_starts_as_the_file_says(cloud: Cloud, config: Config, account: dict[str, str]) -> None:
    check(cloud, config, "whole", account)


def test_workers_come_from_zero_and_go_again() -> None:
    config = as_written()
    kinds = config["available_node_types"]
    assert sorted(kinds) == sorted((config["head_node_type"], *WORKERS))
    assert {kinds[name]["min_workers"] for name in WORKERS} == {0}
    assert 0 < config["idle_timeout_minutes"] <= 15
    assert config["provider"]["cache_stopped_nodes"] is False


def _misspelled_spot(config: Config) -> None:
    config["available_node_types"]["gpu_spot"]["node_config"]["InstanceMarketOptions"] = {"MarketTyp": "spot"}


def _no_spot(config: Config) -> None:
    del config["available_node_types"]["cpu_spot"]["node_config"]["InstanceMarketOptions"]


def _unknown_key(config: Config) -> None:
    config["idle_timeout_minute"] = 3


def _unknown_key_of_a_node(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["max_worker"] = 3


def _unknown_node_setting(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["node_config"]["InstanceTyp"] = "c6i.large"


def _no_such_head(config: Config) -> None:
    config["head_node_type"] = "haed"


def _no_such_image(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["node_config"]["ImageId"] = "ami-00000000000000000"


def _no_such_zone(config: Config) -> None:
    config["provider"]["availability_zone"] = "eu-west-1a"


def _no_such_instance_type(config: Config) -> None:
    config["available_node_types"]["gpu_spot"]["node_config"]["InstanceType"] = "g6.tiny"


def _more_at_least_than_at_most(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["min_workers"] = config["max_workers"] + 1


def _trials_on_the_head(config: Config) -> None:
    config["available_node_types"]["head"]["resources"] = {}


def _profile_of_the_head_for_workers(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["node_config"]["IamInstanceProfile"] = {"Name": "ablatune-head"}


def _twins_that_differ(config: Config) -> None:
    config["available_node_types"]["cpu_spot"]["node_config"]["InstanceType"] = "c6i.xlarge"


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (_misspelled_spot, 'Unknown parameter in InstanceMarketOptions: "MarketTyp"'),
        (_no_spot, "'spot'"),
        (_unknown_key, "'idle_timeout_minute' was unexpected"),
        (_unknown_key_of_a_node, "'max_worker' was unexpected"),
        (_unknown_node_setting, 'Unknown parameter in input: "InstanceTyp"'),
        (_no_such_head, "`head_node_type` must be one of"),
        (_no_such_image, "InvalidAMIID.NotFound"),
        (_no_such_zone, "No usable subnets matching availability zone"),
        (_no_such_instance_type, "CPU"),
        (_more_at_least_than_at_most, "smaller than the sum of `min_workers`"),
        (_trials_on_the_head, "'CPU': 0"),
        (_profile_of_the_head_for_workers, "instance-profile/ablatune-head"),
        (_twins_that_differ, "'CPU': 8"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_mistake_in_the_file_is_seen(
    cloud: Cloud, config: Config, account: dict[str, str], spoil: Callable[[Config], None], seen: str
) -> None:
    spoil(config)
    with pytest.raises(Exception, match=re.escape(seen)):
        check(cloud, config, spoil.__name__, account)


def test_the_file_as_it_is_shipped_starts_nothing(
    config: Config, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = as_written()
    for node_type in shipped["available_node_types"].values():
        node_type["node_config"]["ImageId"] = image
    with pytest.raises(AssertionError):
        commands._bootstrap_config(shipped, no_config_cache=True)
    assert "Failed to detect a security group" in "".join(capsys.readouterr())


def test_without_a_group_of_ones_own_ray_lets_the_world_in(cloud: Cloud, config: Config) -> None:
    for node_type in config["available_node_types"].values():
        del node_type["node_config"]["SecurityGroupIds"]
    commands._bootstrap_config({**config, "cluster_name": "open"}, no_config_cache=True)
    assert open_to_the_world(cloud) == ["ray-autoscaler-open"]
    (group,) = cloud.client("ec2").describe_security_groups(GroupNames=["ray-autoscaler-open"])["SecurityGroups"]
    cloud.client("ec2").delete_security_group(GroupId=group["GroupId"])


def test_the_account_lets_in_one_laptop_and_the_nodes_themselves(cloud: Cloud, account: dict[str, str]) -> None:
    (group,) = cloud.client("ec2").describe_security_groups(GroupIds=[account["SecurityGroup"]])["SecurityGroups"]
    rules = {
        (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort")): (
            [part["CidrIp"] for part in rule["IpRanges"]],
            [part["GroupId"] for part in rule["UserIdGroupPairs"]],
        )
        for rule in group["IpPermissions"]
    }
    assert rules == {("tcp", 22, 22): ([LAPTOP], []), ("-1", None, None): ([], [account["SecurityGroup"]])}


@pytest.mark.parametrize("address", ["0.0.0.0/0", "1.2.3.4/0", "1.2.3.4", "::/0"])
def test_the_account_cannot_be_opened_to_the_world(address: str) -> None:
    template = yaml.load((ROOT / "docs" / "aws_account.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    pattern = template["Parameters"]["Laptop"]["AllowedPattern"]
    assert re.fullmatch(pattern, LAPTOP)
    assert not re.fullmatch(pattern, address)


def session(cloud: Cloud, role: str) -> dict[str, str]:
    """Return what a node with a role has for credentials."""
    arn = cloud.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="node")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


@pytest.fixture
def policies(cloud: Cloud, account: dict[str, str]) -> Iterator[None]:
    """Have the cloud look at permissions, by their actions alone: moto knows nothing of the conditions of policies."""
    iam = cloud.client("iam")
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        document = version["PolicyVersion"]["Document"]
        for statement in document["Statement"]:
            statement.pop("Condition", None)
        iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=json.dumps(document), SetAsDefault=True)
    sessions = {role: session(cloud, role) for role in ("ablatune-head", "ablatune-worker")}
    cloud.enforce(policies=True)
    yield sessions
    cloud.enforce(policies=False)


def test_the_head_may_start_and_end_nodes_and_a_worker_may_not(
    cloud: Cloud, config: Config, account: dict[str, str], request: pytest.FixtureRequest
) -> None:
    ready = commands._bootstrap_config({**config, "cluster_name": "roles"}, no_config_cache=True)
    node_config = ready["available_node_types"]["cpu_spot"]["node_config"]
    sessions = request.getfixturevalue("policies")

    worker = AWSNodeProvider({**ready["provider"], "aws_credentials": sessions["ablatune-worker"]}, "roles")
    with pytest.raises(Exception, match="not authorized"):
        worker.create_node(copy.deepcopy(node_config), made_as("worker", "cpu_spot"), 1)

    head = AWSNodeProvider({**ready["provider"], "aws_credentials": sessions["ablatune-head"]}, "roles")
    head.create_node(copy.deepcopy(node_config), made_as("worker", "cpu_spot"), 1)
    nodes = head.non_terminated_nodes({})
    assert len(nodes) == 1
    head.set_node_tags(nodes[0], {"ray-node-status": "up-to-date"})
    head.terminate_nodes(nodes)
    assert head.non_terminated_nodes({}) == []

    for role in sessions:
        bucket = cloud.client("s3", **sessions[role])
        bucket.put_object(Bucket=BUCKET, Key="ablatune/trial", Body=b"done")
        assert bucket.get_object(Bucket=BUCKET, Key="ablatune/trial")["Body"].read() == b"done"
        assert bucket.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
        bucket.delete_object(Bucket=BUCKET, Key="ablatune/trial")
        with pytest.raises(Exception, match=r"AccessDenied|not authorized"):
            bucket.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION})


class Growth:
    """Ray's autoscaler on a file's cluster, as the head runs it, less the setting up of nodes over ssh.

    What its process is told on the head, this one is told in `environment`.
    """

    def __init__(self, cloud: Cloud, config: Config, cluster: str) -> None:
        self._cloud, self._cluster = cloud, cluster
        ready = commands._bootstrap_config({**config, "cluster_name": cluster}, no_config_cache=True)
        ready["provider"] |= {"disable_node_updaters": True, "foreground_node_launch": True}
        ready.pop("head_node")
        (file,) = (Path(word.partition("=")[2]) for word in sys.argv if word.startswith("--autoscaling-config="))
        file.write_text(json.dumps(ready))
        self.metrics = LoadMetrics()
        self._autoscaler = StandardAutoscaler(lambda: copy.deepcopy(ready), self.metrics, None, update_interval_s=0)
        self.client = self._autoscaler.provider.ec2_fail_fast.meta.client
        head = ready["available_node_types"]["head"]["node_config"]
        self._autoscaler.provider.create_node(head, made_as("head", "head"), 1)
        self._head = cloud.started(cluster)["head"][0]["PrivateIpAddress"]

    def wait_for(self, trials: Sequence[dict[str, float]]) -> dict[str, int]:
        """Have trials wait for a place until no more nodes come; return how many workers there are of each kind."""
        groups = [
            PlacementGroupTableData(strategy=PlacementStrategy.PACK, bundles=[Bundle(unit_resources=trial)])
            for trial in trials
        ]
        counts: list[dict[str, int]] = []
        while len(counts) < 3 or counts[-1] != counts[-3]:  # moto starts one of those that are asked for at a time
            self.metrics.update(self._head, b"head", {"CPU": 0}, {"CPU": 0}, 0, pending_placement_groups=groups)
            self._autoscaler.update()
            counts.append({name: len(nodes) for name, nodes in self._cloud.started(self._cluster).items()})
        assert counts[-1].pop("head") == 1
        return counts[-1]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what Ray is started with on the head; the autoscaler runs in it."""
    _, found = start(Node(tmp_path), "head")
    monkeypatch.setenv("RAY_AUTOSCALER_UTILIZATION_SCORER", found["RAY_AUTOSCALER_UTILIZATION_SCORER"])
    monkeypatch.setattr(sys, "argv", ["monitor.py", f"--autoscaling-config={tmp_path / 'ray_bootstrap_config.yaml'}"])
    return found


def refuse(growth: Growth, request: pytest.FixtureRequest, kinds: str) -> None:
    """Have the cloud run out of spot instances, or of all."""

    def none_left(params: dict[str, Any], **_: Any) -> None:
        if kinds == "all" or "InstanceMarketOptions" in params:
            error = {"Code": "InsufficientInstanceCapacity", "Message": "none left"}
            raise ClientError({"Error": error}, "RunInstances")

    event = "before-parameter-build.ec2.RunInstances"
    growth.client.meta.events.register(event, none_left)
    request.addfinalizer(lambda: growth.client.meta.events.unregister(event, none_left))


CPU_TRIAL, GPU_TRIAL = {"CPU": 1.0}, {"CPU": 1.0, "GPU": 0.25}


@pytest.mark.parametrize(
    ("trials", "with_spot", "without_spot"),
    [
        ([], {}, {}),
        ([CPU_TRIAL] * 9, {"cpu_spot": 2}, {"cpu_on_demand": 2}),
        ([GPU_TRIAL] * 5, {"gpu_spot": 2}, {"gpu_on_demand": 2}),
        ([CPU_TRIAL, GPU_TRIAL], {"gpu_spot": 1}, {"gpu_on_demand": 1}),  # both fit on one
    ],
    ids=["none", "cpu", "gpu", "both"],
)
def test_spot_comes_first_and_on_demand_where_it_cannot_be_had(
    cloud: Cloud,
    config: Config,
    environment: dict[str, str],
    request: pytest.FixtureRequest,
    trials: list[dict[str, float]],
    with_spot: dict[str, int],
    without_spot: dict[str, int],
) -> None:
    assert Growth(cloud, config, f"rich-{request.node.callspec.id}").wait_for(trials) == with_spot
    poor = Growth(cloud, config, f"poor-{request.node.callspec.id}")
    refuse(poor, request, "spot")
    assert poor.wait_for(trials) == without_spot


def test_trials_without_gpus_never_start_gpus(cloud: Cloud, config: Config, environment: dict[str, str]) -> None:
    for kind in ("cpu_spot", "cpu_on_demand"):
        config["available_node_types"][kind]["max_workers"] = 1
    assert Growth(cloud, config, "many").wait_for([CPU_TRIAL] * 100) == {"cpu_spot": 1, "cpu_on_demand": 1}


@pytest.mark.parametrize("kinds", [("cpu_spot", "cpu_on_demand"), ()], ids=["gone", "too-small"])
def test_trials_without_gpus_start_gpus_where_nothing_else_can_hold_them(
    cloud: Cloud, config: Config, environment: dict[str, str], request: pytest.FixtureRequest, kinds: tuple[str, ...]
) -> None:
    for kind in kinds:
        del config["available_node_types"][kind]
    for kind in ("gpu_spot", "gpu_on_demand"):
        config["available_node_types"][kind]["node_config"]["InstanceType"] = "g6.4xlarge"
    growth = Growth(cloud, config, request.node.callspec.id)
    assert growth.wait_for([{"CPU": 16.0}]) == {"gpu_spot": 1}


def test_a_sweep_costs_no_more_than_the_file_says(cloud: Cloud, config: Config, environment: dict[str, str]) -> None:
    counts = Growth(cloud, config, "most").wait_for([CPU_TRIAL] * 60 + [GPU_TRIAL] * 20)
    assert sum(counts.values()) == config["max_workers"]


class Node:
    """A home folder in which Ray's commands are run as Ray runs them, on programs that only say how they were called.

    Args:
        home: an empty folder.
        lacks: programs that do not work.
    """

    def __init__(self, home: Path, lacks: Sequence[str] = ()) -> None:
        self._home = home
        (home / ".bashrc").write_text("export PATH=$HOME/bin:/usr/bin:/bin\n")
        for name in ("make", "sudo", "cloud-init", "python3"):
            self.program(home / "bin" / name, ends_with=int(name in lacks))
        self.program(home / "ablatune" / ".venv" / "bin" / "ray")

    @staticmethod
    def program(path: Path, ends_with: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'#!/bin/bash\n{{ echo "CALL {path.name} $*"; env; echo END; }} >> "$HOME/calls"; exit {ends_with}\n'
        )
        path.chmod(0o755)

    def run(self, lines: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
        """Return the command lines of the programs that are called, each with its environment."""
        said = self._home / "calls"
        said.write_text("")
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", " ".join(_with_interactive(line))],
                env={"HOME": str(self._home)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"
        calls = [call.splitlines() for call in re.findall(r"^CALL (.*?)^END$", said.read_text(), re.M | re.S)]
        return [(first, dict(line.partition("=")[::2] for line in rest)) for first, *rest in calls]


def start(node: Node, kind: str) -> tuple[str, dict[str, str]]:
    """Set a node up and start Ray on it; return Ray's command line and environment."""
    config = as_written()
    node.run(config["setup_commands"])
    # What `ray up` and the autoscaler put before a file's own commands.
    given = {"RAY_enable_autoscaler_v2": "1", "RAY_CLOUD_INSTANCE_ID": "i-1", "RAY_HEAD_IP": "172.31.0.4"}
    (stop, _), started = node.run(with_envs(config[f"{kind}_start_ray_commands"], given))
    assert stop == "ray stop"
    return started


def test_ray_starts_with_its_dashboard_out_of_reach(tmp_path: Path) -> None:
    line, environment = start(Node(tmp_path), "head")
    assert line.startswith("ray start --head ")
    assert "--dashboard-host=127.0.0.1" in line.split()
    assert environment["RAY_AUTH_MODE"] == "disabled"
    assert environment["RAY_enable_autoscaler_v2"] == "0"  # the one that the tests of growth are about
    assert environment["ABLATUNE_STORAGE"].startswith("s3://")
    assert environment["PATH"].split(":")[0] == str(tmp_path / "ablatune" / ".venv" / "bin")
    assert hasattr(ray_constants, "AUTOSCALER_NODE_AVAILABILITY_MAX_STALENESS_S")
    assert 60 <= int(environment["AUTOSCALER_NODE_AVAILABILITY_MAX_STALENESS_S"]) <= 1800


def test_workers_join_the_head(tmp_path: Path) -> None:
    line, environment = start(Node(tmp_path), "worker")
    assert line == "ray start --address=172.31.0.4:6379"
    assert environment["ABLATUNE_STORAGE"].startswith("s3://")


@pytest.mark.parametrize("lacks", ["", "python3"])
def test_nodes_are_set_up_in_the_step_of_a_laptop(tmp_path: Path, lacks: str) -> None:
    node = Node(tmp_path, [lacks])
    for _ in range(2):  # `ray up` repeats it
        calls = [line for line, _ in node.run(as_written()["setup_commands"]) if not line.startswith("python3")]
        *installed, step = calls
        assert step == f"make -C {tmp_path}/ablatune node"
        expected = ["cloud-init status --wait", "sudo apt-get update -q", "sudo apt-get install -yq make python3-venv"]
        assert installed == (expected if lacks else [])
    assert (tmp_path / ".bashrc").read_text().count(".ablatune") == 1


def send(config: Config, source: Path, target: Path) -> None:
    """Send what the file says that nodes get, with the filters that Ray makes of it, to a folder of this machine."""
    runner = SSHCommandRunner.__new__(SSHCommandRunner)
    filters = runner._create_rsync_filter_args({"rsync_exclude": config["rsync_exclude"]})
    for remote, local in config["file_mounts"].items():
        here, there = source / local, target / remote.removeprefix("~/ablatune/")
        assert here.exists()
        end = "/" if here.is_dir() else ""
        subprocess.run(["rsync", "-az", *filters, f"{here}{end}", f"{there}{end}"], check=True)


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_nodes_get_the_project_and_nothing_else(tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [name.removeprefix("/") for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]]
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".venv*", ".git", "*cache*", "data", "results"))
    for secret in (".env", "tune_jobs/.env", "models/.env.local", "tune_jobs/__pycache__/a.pyc", ".git/config"):
        (source / secret).parent.mkdir(exist_ok=True)
        (source / secret).write_text("secret")
    send(as_written(), source, target)
    sent = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert {name for name in tracked if name.partition("/")[0] in installed} <= sent
    assert sent <= set(tracked)
    # All that the step needs is there.
    step = subprocess.run(["make", "-n", "-C", str(target), "node"], capture_output=True, text=True, check=True).stdout
    needed = ["pyproject.toml", *re.findall(r"--constraint (\S+)", step), project["project"]["readme"]]
    needed += project["project"]["license-files"]
    assert "--editable" in step
    assert set(needed) <= sent


def test_the_file_holds_no_secret() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"AKIA|ASIA|aws_access|aws_secret|PRIVATE KEY|[0-9a-zA-Z/+]{40}", text)
