"""Five `login --force` in a row, on the real clock, with both models of how AWS verifies codes."""

from concurrent.futures import ThreadPoolExecutor

from bench import FakeAws, check, equal, home_of, import_secret

LOGINS = 5


def run():
    # Both wait for new codes most of the time, so they run in parallel.
    with ThreadPoolExecutor() as pool:
        runs = {model: pool.submit(logins, model) for model in ("observed", "strict")}
    observed, strict = (runs[model].result() for model in ("observed", "strict"))
    for model, (exits, _, _) in (("observed", observed), ("strict", strict)):
        with check(f"{model}: {LOGINS} logins in a row succeed"):
            equal(exits, [0] * LOGINS, "exit codes")
    with check("observed: AWS rejected none of them"):
        equal(observed[2], [], "refused")
        equal(len(observed[1]), LOGINS, "codes")
    with check("strict: AWS rejected at most one in three, and only because of the code"):
        equal([r["answered"]["code"] for r in strict[2]], ["AccessDenied"] * len(strict[2]), "refused")
        assert len(strict[2]) <= LOGINS // 3, strict[2]
    for model, (_, codes, _) in (("observed", observed), ("strict", strict)):
        with check(f"{model}: no code was sent twice"):
            equal(len(set(codes)), len(codes), "different codes")


def logins(model):
    """The exit codes, the codes that were sent, and the outcomes of failed requests."""
    with FakeAws("--model", model, "--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        exits = [home.awsmfa("login", "--profile", "dev", "--force", timeout=300).code for _ in range(LOGINS)]
        return exits, aws.codes(), aws.refused()
