"""The AWS CLI v1 and v2, boto3 and the JavaScript SDK, with `credential_process` and with a session that `login` wrote.

fake-aws verifies every signature and token, so a response means that the credentials are right."""

from bench import CLIENTS, FakeAws, check, equal, home_of, import_secret


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        alice = aws.users[0]
        home.use_file_store()
        with check("a secret is imported from stdin"):
            import_secret(home, alice)
        for name, identity in CLIENTS.items():
            with check(f"{name} is {alice['name']} through credential_process"):
                equal(identity(home, "auto", aws.endpoint), alice["arn"], "Arn")
        with check("`login` writes the session"):
            home.awsmfa("login", "--profile", "dev").ended()
        for name, identity in CLIENTS.items():
            with check(f"{name} is {alice['name']} with the written session"):
                equal(identity(home, "dev", aws.endpoint), alice["arn"], "Arn")
        with check("all of them together need one GetSessionToken"):
            equal(len(aws.requests("GetSessionToken")), 1, "requests")
        with check("all of them used the session's keys, and AWS rejected nothing"):
            asked = aws.requests("GetCallerIdentity")
            equal(len(asked), 2 * len(CLIENTS), "requests")
            equal([r["access_key_id"][:4] for r in asked], ["ASIA"] * len(asked), "keys")
            equal(aws.refused(), [], "refused")
