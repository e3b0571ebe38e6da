"""The same with moto, an independent implementation of the AWS APIs."""

import contextlib
import subprocess
import time
import urllib.error
import urllib.request

import boto3
from bench import CLIENTS, MOTO_SERVER, check, equal, free_port, home_of, import_secret

#: The ARN of the credentials that moto returns for every GetSessionToken.
SESSION_ARN = "arn:aws:sts::123456789012:user/moto"


def run():
    with moto() as endpoint:
        with check("boto3 creates a user with an access key and a virtual MFA device"):
            alice = enrolled_user(endpoint)
        with home_of(alice, endpoint) as home:
            home.use_file_store()
            with check("the seed from CreateVirtualMFADevice is imported"):
                import_secret(home, alice)
            for name, identity in CLIENTS.items():
                with check(f"{name} gets a session through credential_process"):
                    equal(identity(home, "auto", endpoint), SESSION_ARN, "Arn")
            with check("without a session, the client uses the long-term keys"):
                equal(CLIENTS["AWS CLI v1"](home, "dev", endpoint), alice["arn"], "Arn")
            with check("`login` writes the session"):
                home.awsmfa("login", "--profile", "dev").ended()
            for name, identity in CLIENTS.items():
                with check(f"{name} uses the written session"):
                    equal(identity(home, "dev", endpoint), SESSION_ARN, "Arn")
            with check("`logout --restore` brings the long-term keys back"):
                home.awsmfa("logout", "--profile", "dev", "--restore").ended()
                equal(CLIENTS["AWS CLI v2"](home, "dev", endpoint), alice["arn"], "Arn")


@contextlib.contextmanager
def moto():
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [MOTO_SERVER, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"{endpoint}/moto-api/")
        yield endpoint
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_for(url):
    end = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def enrolled_user(endpoint):
    """Creates alice. Returns the same fields as fake-aws."""
    admin = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    iam = boto3.client("iam", endpoint_url=endpoint, **admin)
    user = iam.create_user(UserName="alice")["User"]
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="alice")["VirtualMFADevice"]
    serial = device["SerialNumber"]
    iam.enable_mfa_device(
        UserName="alice", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    return {
        "name": "alice",
        "arn": user["Arn"],
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
        "serial": serial,
        "seed": device["Base32StringSeed"].decode(),
    }
