"""Enrol, list, resynchronise and remove against moto, as far as moto goes, with the AWS CLI as witness."""

import boto3
from bench import AWS_CLI_V1, Home, check, contains, equal, long_term, profile
from moto_server import moto

SERIAL = "arn:aws:iam::123456789012:mfa/aws_mfa_demo"


def run():
    with moto() as endpoint:
        with check("an administrator and a user with access keys are made through boto3"):
            users = {name: user(endpoint, name) for name in ("admin", "aws_mfa_demo")}
        with Home() as home:
            home.use_file_store()
            home.write(".aws/credentials", long_term("admin", users["admin"]) + long_term("demo", users["aws_mfa_demo"]))
            home.write(".aws/config", profile("admin", endpoint) + profile("demo", endpoint))
            with check("`enroll` by an administrator ends verified"):
                enrolled = home.awsmfa(
                    "enroll", "--user", "aws_mfa_demo", "--profile", "admin", "--for-profile", "demo", "--no-qr", "--json"
                ).json()
                equal(enrolled["serial"], SERIAL, "serial")
            with check("the AWS CLI sees the device enabled for the user, and the profile names it"):
                equal(devices(home), [SERIAL], "serials")
                equal(cli(home, "configure", "get", "mfa_serial", "--profile", "demo").strip(), SERIAL, "mfa_serial")
            with check("`login` works at once"):
                home.awsmfa("login", "--profile", "demo").ended()
                home.awsmfa("logout", "--profile", "demo", "--restore").ended()
            with check("`device list` joins what moto and what we know of it"):
                listed = home.awsmfa(
                    "device", "list", "--profile", "admin", "--user", "aws_mfa_demo", "--json"
                ).json()
                equal([d["serial"] for d in listed], [SERIAL], "serials")
                equal(listed[0]["store"], "file", "store")
            with check("`device resync`, which moto has not got, says that the server failed"):
                ended = home.awsmfa("device", "resync", SERIAL, "--profile", "admin").ended(6)
                contains(ended.err, "ResyncMFADevice")
            with check("`device remove` deactivates, deletes and forgets"):
                home.awsmfa("device", "remove", SERIAL, "--profile", "admin", "--yes").ended()
                equal(devices(home), [], "serials")
                virtual = cli(home, "iam", "list-virtual-mfa-devices", "--profile", "admin", "--output", "text")
                equal(SERIAL in virtual, False, "still there")
                equal(list(home.file(".local/share/awsmfa/store").glob("arn*")), [], "stored secrets")
            with check("and the user can be enrolled again"):
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
