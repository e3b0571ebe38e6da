"""Many processes at once: they share one session, and no write undoes another one."""

from botocore.configloader import raw_config_parse

from bench import AWSMFA, FakeAws, Home, check, equal, home_of, import_secret, long_term, profile

CROWD = 50
USERS = [f"user{i}" for i in range(8)]


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        with check(f"{CROWD} `credential-process` on a cold cache print the same session"):
            answers = at_once(home, [["credential-process", "--profile", "dev"]] * CROWD)
            equal([code for code, _, _ in answers], [0] * CROWD, "exit codes")
            equal(len({out for _, out, _ in answers}), 1, "different answers")
            equal({err for _, _, err in answers}, {""}, "stderr")
        with check("they need one GetSessionToken"):
            equal(len(aws.requests("GetSessionToken")), 1, "requests")

    with FakeAws(*[f"--user={user}" for user in USERS]) as aws, Home() as home:
        home.use_file_store()
        home.write(".aws/credentials", "".join(long_term(u["name"], u) for u in aws.users))
        home.write(".aws/config", "".join(profile(u["name"], aws.endpoint, mfa_serial=u["serial"]) for u in aws.users))
        for user in aws.users:
            import_secret(home, user, user["name"])
        with check(f"{len(USERS)} `login` of {len(USERS)} profiles succeed"):
            logins = at_once(home, [["login", "--profile", user] for user in USERS])
            equal([code for code, _, _ in logins], [0] * len(USERS), "exit codes")
        with check("botocore finds every session and every long-term key in the file"):
            found = raw_config_parse(str(home.file(".aws/credentials")))
            equal(sorted(found), sorted(USERS + [f"{user}-long-term" for user in USERS]), "sections")
            for user in aws.users:
                session, keys = found[user["name"]], found[user["name"] + "-long-term"]
                equal(session["aws_access_key_id"][:4], "ASIA", "session")
                assert session["aws_session_token"]
                equal(keys["aws_access_key_id"], user["access_key_id"], "long-term key")
                equal(keys["aws_secret_access_key"], user["secret_access_key"], "long-term key")


def at_once(home, runs):
    """Starts all of them at once. Returns the exit code, stdout and stderr of each."""
    started = [home.start(AWSMFA, *args) for args in runs]
    ended = [process.communicate(timeout=120) for process in started]
    return [(process.returncode, out, err) for process, (out, err) in zip(started, ended)]
