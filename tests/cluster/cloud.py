"""A cloud on this machine: moto as a server on loopback, and nothing that could reach a real one."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-west-2"
LAPTOP = "203.0.113.7/32"
BUCKET = "ablatune-test"
_START_SECONDS = 120.0


class Cloud:
    """EC2, IAM, S3 and CloudFormation; all gone with `close`.

    Args:
        folder: an empty one, which becomes the home of what uses the cloud.
        environment: that what uses the cloud gets.
    """

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
                environment.delenv(name)
        self._log = folder / "moto.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                env={
                    **os.environ,
                    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
                    "MOTO_ENABLE_AMI_VALIDATION": "true",
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._address()
        (folder / "empty").touch()
        for name, value in {
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(folder / "empty"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "empty"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            environment.setenv(name, value)

    def _address(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", self._log.read_text())
            if found:
                return found[1]
            time.sleep(0.05)
        self.close()
        raise RuntimeError(f"moto does not start: {self._log.read_text()}")

    def close(self) -> None:
        """End the cloud."""
        self._process.terminate()
        self._process.wait()

    def client(self, service: str, **credentials: str) -> Any:
        """Return boto3's client of one of the cloud's services."""
        import boto3

        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **credentials)

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

    def enforce(self, *, policies: bool) -> None:
        """Have the cloud look at permissions, or not."""
        body = b"0" if policies else b"inf"
        plain = {"Content-Type": "text/plain"}
        with urlopen(Request(f"{self.url}/moto-api/reset-auth", data=body, headers=plain)) as answer:
            assert answer.status == 200
