"""Roles in real tools: the AWS CLI v1 and v2 and boto3 with role profiles that `setup` connected, and with what awsmfa gives them."""

import json
import sys

from bench import AWS_CLI_V1, AWS_CLI_V2, AWSMFA, CLIENTS, HERE, FakeAws, Home, check, contains, equal, import_secret, long_term, profile

#: Prints a session of another user, as a company's own program does.
OTHER_PROGRAM = """\
import json, boto3
sts = boto3.client("sts", endpoint_url={endpoint!r}, region_name="us-east-1", aws_access_key_id={id!r}, aws_secret_access_key={secret!r})
keys = sts.get_session_token()["Credentials"]
keys["Expiration"] = keys["Expiration"].isoformat()
print(json.dumps({{"Version": 1, **keys}}))
"""

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}'

#: The clients that follow `role_arn` to an endpoint of our own. Debian's AWS CLI v2 would ask the real STS.
NATIVE = ["AWS CLI v1", "boto3"]
EXTERNAL_ID = "partner-42"


def run():
    with FakeAws("--user", "alice", "--admin", "company", "--role", "first", "--role", "second", "--role", "third") as aws, Home() as home:
        home.use_file_store()
        fill(home, aws)
        import_secret(home, aws.users[0])
        with check("`setup` connects a role and a chain of three"):
            said = home.awsmfa("setup", *flags("app", "chain"), "--yes").ended().err
            contains(said, "app: arn:aws:sts::123456789012:assumed-role/first/")
            contains(said, "chain: arn:aws:sts::123456789012:assumed-role/third/")
        natively(home, aws)
        through_awsmfa(home, aws)
        with_keys_of_the_environment(home, aws)
        over_another_program(home, aws)
        narrowed(home, aws)
        with check("all of them needed one code, and AWS refused nothing"):
            equal(len([r for r in aws.requests("GetSessionToken") if "TokenCode" in r["params"]]), 1, "codes")
            equal(aws.refused(), [], "refused")


def flags(*names):
    return [word for name in names for word in ("--profile", name)]


def fill(home, aws):
    alice, company = aws.users
    first, second, third = (role["arn"] for role in aws.roles)
    role = lambda name, arn, **keys: profile(name, aws.endpoint, role_arn=arn, **keys)
    served = lambda name: profile(f"{name}-mfa", aws.endpoint, credential_process=f"{AWSMFA} credential-process --profile {name}")
    program = home.write(
        "company.py",
        OTHER_PROGRAM.format(endpoint=aws.endpoint, id=company["access_key_id"], secret=company["secret_access_key"]),
    )
    home.write(".aws/credentials", long_term("dev", alice))
    home.write(
        ".aws/config",
        profile("dev", aws.endpoint, mfa_serial=alice["serial"])
        + role("app", first, source_profile="dev")
        + role("middle", second, source_profile="app", external_id=EXTERNAL_ID)
        + role("chain", third, source_profile="middle", external_id=EXTERNAL_ID, role_session_name="nightly")
        + role("env", second, credential_source="Environment")
        + profile("company", aws.endpoint, credential_process=f"{sys.executable} {program}")
        + role("partner", third, source_profile="company")
        + "".join(served(name) for name in ("app", "chain", "partner")),
    )


def natively(home, aws):
    """The tools assume the roles themselves, with the session that awsmfa gives to `dev`."""
    for client in NATIVE:
        with check(f"{client} assumes a role over the user's session"):
            contains(CLIENTS[client](home, "app", aws.endpoint), ":assumed-role/first/")
        with check(f"{client} follows a chain of three with an external ID"):
            before = len(aws.requests("AssumeRole"))
            contains(CLIENTS[client](home, "chain", aws.endpoint), ":assumed-role/third/nightly")
            # The AWS CLI caches the first role.
            ids = [r["params"].get("ExternalId") for r in aws.requests("AssumeRole")[before:]][-2:]
            equal(ids, [EXTERNAL_ID, EXTERNAL_ID], "external IDs")
        with check(f"{client} assumes a role over another program's session"):
            contains(CLIENTS[client](home, "partner", aws.endpoint), ":assumed-role/third/")


def through_awsmfa(home, aws):
    """awsmfa assumes the roles, and the tools run it as their `credential_process`."""
    assumed = {"app": ":assumed-role/first/", "chain": ":assumed-role/third/nightly", "partner": ":assumed-role/third/"}
    before = len(aws.requests("AssumeRole"))
    for client in [*NATIVE, "AWS CLI v2"]:
        with check(f"{client} gets each role's session from awsmfa"):
            for name, arn in assumed.items():
                contains(CLIENTS[client](home, f"{name}-mfa", aws.endpoint), arn)
    with check("each role's session is shared, and the chain sends its external IDs"):
        requests = [r for r in aws.requests("AssumeRole")[before:]]
        # The last roles of `chain` and `partner`, and the one in the middle; `setup` got the others.
        names = sorted((r["params"]["RoleArn"].rsplit("/", 1)[1], r["params"].get("ExternalId")) for r in requests)
        equal(names, [("third", None)], "roles")


def with_keys_of_the_environment(home, aws):
    alice = aws.users[0]
    keys = {"AWS_ACCESS_KEY_ID": alice["access_key_id"], "AWS_SECRET_ACCESS_KEY": alice["secret_access_key"]}
    for client, words in clients(aws).items():
        with check(f"`exec` gives {client} a role with `credential_source = Environment`"):
            contains(arn(home.awsmfa("exec", "--profile", "env", "--", *words, **keys)), ":assumed-role/second/")


def over_another_program(home, aws):
    for client, words in clients(aws).items():
        with check(f"`exec` gives {client} a role over another `credential_process`, and `serve` does"):
            contains(arn(home.awsmfa("exec", "--profile", "partner", "--", *words)), ":assumed-role/third/")
            contains(arn(home.awsmfa("serve", "--profile", "partner", "--", *words)), ":assumed-role/third/")


def narrowed(home, aws):
    policy = home.write("read-only.json", POLICY)
    managed = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    for client, words in clients(aws).items():
        with check(f"`exec --policy` gives {client} a narrowed session of a role"):
            ran = home.awsmfa("exec", "--profile", "app", "--policy", policy, "--policy", managed, "--", *words)
            contains(arn(ran), ":assumed-role/first/")
    with check("AWS got both policies, once for all tools"):
        sent = [r["params"] for r in aws.requests("AssumeRole") if "Policy" in r["params"]]
        equal([json.loads(s["Policy"]) for s in sent], [json.loads(POLICY)], "policies")
        equal([s.get("PolicyArns.member.1.arn") for s in sent], [managed], "managed policies")


def clients(aws):
    """Commands that print the identity of the credentials in their environment."""
    identity = ["sts", "get-caller-identity", "--output", "json", "--endpoint-url", aws.endpoint]
    return {
        "AWS CLI v1": [AWS_CLI_V1, *identity],
        "AWS CLI v2": [AWS_CLI_V2, *identity],
        "boto3": ["env", f"AWS_ENDPOINT_URL={aws.endpoint}", sys.executable, HERE / "caller.py"],
    }


def arn(ran):
    return ran.json()["Arn"]
