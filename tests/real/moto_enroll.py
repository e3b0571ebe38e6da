"""Enroll, list, resynchronize and remove a device with moto, as far as moto supports it, checked with the AWS CLI."""

import boto3
from bench import AWS_CLI_V1, Home, check, contains, equal, long_term, profile
from moto_server import moto

SERIAL = "arn:aws:iam::123456789012:mfa/aws_mfa_demo"


def run():
    with moto() as endpoint:
        with check("boto3 creates an administrator and a user with access keys"):
            users = {name: user(endpoint, name) for name in ("admin", "aws_mfa_demo")}
        with Home() as home:
            home.use_file_store()
            home.write(".aws/credentials", long_term("admin", users["admin"]) + long_term("demo", users["aws_mfa_demo"]))
            home.write(".aws/config", profile("admin", endpoint) + profile("demo", endpoint))
            with check("an administrator can enroll a user"):
                enrolled = home.awsmfa(
                    "enroll", "--user", "aws_mfa_demo", "--profile", "admin", "--for-profile", "demo", "--no-qr", "--json"
                ).json()
                equal(enrolled["serial"], SERIAL, "serial")
            with check("the AWS CLI lists the device of the user, and the profile has it as `mfa_serial`"):
                equal(devices(home), [SERIAL], "serials")
                equal(cli(home, "configure", "get", "mfa_serial", "--profile", "demo").strip(), SERIAL, "mfa_serial")
            with check("`login` works right after that"):
                home.awsmfa("login", "--profile", "demo").ended()
                home.awsmfa("logout", "--profile", "demo", "--restore").ended()
            with check("`device list` shows the device with its store"):
                listed = home.awsmfa(
                    "device", "list", "--profile", "admin", "--user", "aws_mfa_demo", "--json"
                ).json()
                equal([d["serial"] for d in listed], [SERIAL], "serials")
                equal(listed[0]["store"], "file", "store")
            with check("`device resync`, which moto does not support, reports a failure of the server"):
                ended = home.awsmfa("device", "resync", SERIAL, "--profile", "admin").ended(6)
                contains(ended.err, "ResyncMFADevice")
            with check("`device remove` deactivates and deletes the device, and its secret"):
                home.awsmfa("device", "remove", SERIAL, "--profile", "admin", "--yes").ended()
                equal(devices(home), [], "serials")
                virtual = cli(home, "iam", "list-virtual-mfa-devices", "--profile", "admin", "--output", "text")
                equal(SERIAL in virtual, False, "device still exists")
                equal(list(home.file(".local/share/awsmfa/store").glob("arn*")), [], "stored secrets")
            with check("the user can be enrolled again"):
                home.awsmfa("enroll", "--user", "aws_mfa_demo", "--profile", "admin", "--no-qr").ended()
                equal(devices(home), [SERIAL], "serials")


def cli(home, *args):
    return home.run(AWS_CLI_V1, *args).ended().out


def devices(home):
    text = cli(
        home, "iam", "list-mfa-devices", "--user-name", "aws_mfa_demo", "--profile", "admin",
        "--query", "MFADevices[].SerialNumber", "--output", "text",
    )  # fmt: skip
    return text.split()


def user(endpoint, name):
    admin = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    iam = boto3.client("iam", endpoint_url=endpoint, **admin)
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
