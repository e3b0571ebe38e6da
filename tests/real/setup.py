"""After `setup`, every tool works with no further step: the AWS CLI, boto3, the JavaScript and Rust SDKs, and Terraform.

Terraform has its S3 backend and its provider's S3 on moto, everything else on fake-aws, which verifies every signature."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import boto3
from bench import AWSMFA, CLIENTS, ROOT, TARGET, FakeAws, Home, check, contains, equal, import_secret, long_term
from moto_server import moto

IDENTITY = TARGET / "debug/examples/identity"
TERRAFORM = Path("/usr/local/bin/terraform")
PLUGINS = Path("/opt/tf-plugins")
#: The `PATH` of programs that cron starts: without awsmfa.
CUT_DOWN = "/usr/bin:/bin"

CONFIG = """\
# mine
[profile dev]
region = us-east-1
endpoint_url = {sts}
services = local

[profile app]
role_arn = {role}
source_profile = dev
mfa_serial = {serial}
region = us-east-1
endpoint_url = {sts}

[services local]
s3 =
    endpoint_url = {s3}
"""

TERRAFORM_FILE = """\
terraform {{
  required_providers {{ aws = {{ source = "hashicorp/aws" }} }}
  backend "s3" {{
    bucket                  = "state"
    key                     = "terraform.tfstate"
    region                  = "us-east-1"
    profile                 = "dev"
    use_path_style          = true
    skip_region_validation  = true
    skip_metadata_api_check = true
    endpoints               = {{ s3 = "{s3}", sts = "{sts}" }}
  }}
}}
provider "aws" {{
  profile                 = "dev"
  region                  = "us-east-1"
  s3_use_path_style       = true
  skip_metadata_api_check = true
  endpoints {{
    s3  = "{s3}"
    sts = "{sts}"
  }}
}}
provider "aws" {{
  alias                   = "app"
  profile                 = "app"
  region                  = "us-east-1"
  skip_metadata_api_check = true
  endpoints {{ sts = "{sts}" }}
}}
data "aws_caller_identity" "user" {{}}
data "aws_caller_identity" "role" {{ provider = aws.app }}
resource "aws_s3_object" "proof" {{
  bucket  = "state"
  key     = "proof.txt"
  content = data.aws_caller_identity.user.arn
}}
output "role" {{ value = data.aws_caller_identity.role.arn }}
"""


def run():
    if not IDENTITY.exists():
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--example", "identity"], cwd=ROOT, check=True)
    with FakeAws("--user", "alice", "--role", "deploy") as aws, moto() as s3, Home() as home:
        home.use_file_store()
        alice = aws.users[0]
        fill(home, aws, s3)
        import_secret(home, alice)
        files = {name: home.file(name).read_bytes() for name in (".aws/config", ".aws/credentials")}
        before = len(aws.requests())
        with check("`setup` changes a plain home and shows that it works"):
            ran = home.awsmfa("setup", "--profile", "dev", "--profile", "app", "--yes").ended()
            contains(ran.err, f"dev: {alice['arn']}, valid until")
            contains(ran.err, "app: arn:aws:sts::")
        after = digests(home)
        for path in (None, CUT_DOWN):
            clients(home, aws, alice, path)
        terraform(home, aws, s3, alice)
        with check("all of them together need one GetSessionToken, and AWS refused nothing"):
            equal(len(aws.requests("GetSessionToken")), 1, "requests")
            equal(aws.refused(), [], "refused")
        with check("no request was signed with the long-term key, apart from those for the session"):
            signed = {r["action"] for r in aws.requests()[before:] if r["access_key_id"] == alice["access_key_id"]}
            equal(signed, {"GetSessionToken"}, "actions")
        with check("twice is as once"):
            contains(home.awsmfa("setup", "--profile", "dev", "--profile", "app", "--yes").ended().err, "nothing to change")
            equal(digests(home), after, "files")
        with check("`setup --undo` gives every byte back"):
            home.awsmfa("setup", "--undo", "--yes").ended()
            equal({name: home.file(name).read_bytes() for name in files}, files, "files")


def fill(home, aws, s3):
    """Writes what `aws configure` leaves, with a role."""
    alice, role = aws.users[0], aws.roles[0]["arn"]
    home.write(".aws/config", CONFIG.format(sts=aws.endpoint, s3=s3, role=role, serial=alice["serial"]))
    home.write(".aws/credentials", long_term("dev", alice))


def digests(home):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in home.file(".aws").iterdir() if path.is_file()}


def clients(home, aws, alice, path):
    """Each client is alice as `dev`, and in the role as `app`."""
    where = "with a cut-down PATH" if path else "in a shell"
    usual = home.env["PATH"]
    # The clients themselves are started by their paths; node is found here.
    home.env["PATH"] = f"{path}:{Path(shutil.which('node') or '/usr/bin/node').parent}" if path else usual
    rust = {"the Rust SDK": lambda home, name, endpoint: home.run(IDENTITY, name, AWS_ENDPOINT_URL=endpoint).ended().out.strip()}
    for name, identity in (CLIENTS | rust).items():
        with check(f"{name} works {where}"):
            equal(shutil.which("awsmfa", path=home.env["PATH"]) is None, path is not None, "awsmfa is missing from PATH")
            equal(identity(home, "dev", aws.endpoint), alice["arn"], "Arn")
        if path or name == "AWS CLI v2":
            # Debian's version 2.9 would assume the role at the real STS.
            continue
        with check(f"{name} assumes the role {where}, without a prompt"):
            contains(identity(home, "app", aws.endpoint), ":assumed-role/deploy/")
    home.env["PATH"] = usual


def terraform(home, aws, s3, alice):
    if not (TERRAFORM.exists() and PLUGINS.exists()):
        print(f"\n  *** NOT CHECKED: Terraform ({TERRAFORM} and {PLUGINS} are missing) ***\n", flush=True)
        return
    store = boto3.client("s3", endpoint_url=s3, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    store.create_bucket(Bucket="state")
    rc = home.write(".terraformrc", f'provider_installation {{\n  filesystem_mirror {{ path = "{PLUGINS}" }}\n}}\n')
    variables = {"TF_CLI_CONFIG_FILE": rc, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "PATH": CUT_DOWN}
    folder = home.write("tf/main.tf", TERRAFORM_FILE.format(s3=s3, sts=aws.endpoint)).parent
    act = lambda *args: home.run(TERRAFORM, f"-chdir={folder}", *args, timeout=300, **variables).ended()
    body = lambda key: store.get_object(Bucket="state", Key=key)["Body"].read().decode()
    with check("Terraform opens its state in S3, with a cut-down PATH"):
        act("init", "-input=false", "-no-color")
    with check("Terraform applies a plan as the user and in the role"):
        act("apply", "-input=false", "-auto-approve", "-no-color")
        equal(body("proof.txt"), alice["arn"], "object")
        contains(json.loads(body("terraform.tfstate"))["outputs"]["role"]["value"], ":assumed-role/deploy/")
