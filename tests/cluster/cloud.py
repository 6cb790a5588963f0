"""A cloud on this machine: moto as a server on loopback, and nothing that could reach a real one."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-west-2"
LAPTOP = "203.0.113.7/32"
BUCKET = "ablatune-test"
_START_SECONDS = 120.0


SERVER = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ENABLE_AMI_VALIDATION": "true"}


def credentials(url: str, nothing: str = "/dev/null") -> dict[str, str]:
    """Return the environment in which Amazon's programs find the cloud at an address, and never another."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def running(folder: Path) -> Iterator["Cloud"]:
    """Start a cloud on loopback.

    Args:
        folder: an empty one, which becomes the home of what uses the cloud.
    """
    log = folder / "moto.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as said, pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
                environment.delenv(name)
        process = subprocess.Popen(command, env={**os.environ, **SERVER}, stdout=said, stderr=subprocess.STDOUT)
        try:
            cloud = Cloud(_address(process, log))
            for name, value in {"HOME": str(folder), **credentials(cloud.url)}.items():
                environment.setenv(name, value)
            yield cloud
        finally:
            process.terminate()
            process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"moto does not start: {log.read_text()}")


def tags(thing: Any) -> dict[str, str]:
    """Return the tags of a thing of the cloud."""
    return {tag["Key"]: tag["Value"] for tag in thing["Tags"]}


class Cloud:
    """EC2, IAM, S3 and CloudFormation.

    Args:
        url: where moto listens.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, **identity: str) -> Any:
        """Return boto3's client of one of the cloud's services."""
        import boto3

        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **identity)

    def image(self) -> str:
        """Return an image's id."""
        return str(self.client("ec2").register_image(Name="image", RootDeviceName="/dev/sda1")["ImageId"])

    def account(self) -> dict[str, str]:
        """Set the account up as documented; return what the stack puts out."""
        ec2, stacks = self.client("ec2"), self.client("cloudformation")
        network = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        given = {"Bucket": BUCKET, "Laptop": LAPTOP, "Network": network}
        stacks.create_stack(
            StackName="ablatune",
            TemplateBody=(ROOT / "docs" / "aws_account.yaml").read_text(encoding="utf-8"),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )
        (stack,) = stacks.describe_stacks(StackName="ablatune")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {put["OutputKey"]: put["OutputValue"] for put in stack["Outputs"]}

    def started(self, cluster: str) -> dict[str, list[Any]]:
        """Return the running instances of a cluster, by the name of their kind."""
        wanted = [
            {"Name": "tag:ray-cluster-name", "Values": [cluster]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
        found: dict[str, list[Any]] = {}
        for reservation in self.client("ec2").describe_instances(Filters=wanted)["Reservations"]:
            for instance in reservation["Instances"]:
                found.setdefault(tags(instance)["ray-user-node-type"], []).append(instance)
        return found

    def enforce(self, *, policies: bool) -> None:
        """Have the cloud look at permissions, or not."""
        body = b"0" if policies else b"inf"
        plain = {"Content-Type": "text/plain"}
        with urlopen(Request(f"{self.url}/moto-api/reset-auth", data=body, headers=plain)) as answer:
            assert answer.status == 200
