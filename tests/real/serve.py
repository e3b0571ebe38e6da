"""`serve`: boto3, the JavaScript SDK and the AWS CLI in other processes, across expiries, while others attack the server."""

import contextlib
import http.client
import json
import select
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bench import AWS_CLI_V1, AWS_CLI_V2, AWSMFA, HERE, NODE_MODULES, FakeAws, check, contains, equal, home_of, import_secret

#: The lifetime of sessions in seconds. They are renewed in their last quarter, with a new code each time.
LIFETIME = 16

#: How long the jobs run: across three expiries.
SECONDS = 3 * LIFETIME - 4

#: More connections than the server has places for.
FLOOD = 1000


class Server:
    """A running `awsmfa serve`."""

    def __init__(self, home, *args):
        self.process = home.start(AWSMFA, "serve", *args)
        self.variables = {}
        while "AWSMFA_SESSION" not in self.variables:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            name, _, value = line.removeprefix("export ").strip().partition("=")
            self.variables[name] = value
        self.token = self.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        self.port = int(self.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].split(":")[2].split("/")[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def status(self, method="GET", path="/dev", **headers):
        """The status of the response to a request; `None` if the server refused the connection."""
        headers = {"Authorization": self.token} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()


def run():
    with FakeAws("--user", "alice", "--session-lifetime", str(LIFETIME)) as aws:
        with home_of(aws.users[0], aws.endpoint) as home:
            home.use_file_store()
            import_secret(home, aws.users[0])
            with check("`serve -- COMMAND` gives boto3 and the JavaScript SDK a session, and ends with their status"):
                for job in jobs(0):
                    ran = home.awsmfa("serve", "-p", "dev", "--", *job, NODE_PATH=NODE_MODULES, **reach(aws))
                    equal([ran.json()["count"], ran.json()["errors"]], [1, []], job[0])
            with Server(home, "--profile", "dev") as server:
                jobs_across_expiries(home, aws, server)


def reach(aws):
    return {"AWS_ENDPOINT_URL": aws.endpoint}


def jobs(seconds):
    return [sys.executable, HERE / "long_job.py", seconds], ["node", HERE / "long_job.cjs", seconds]


def jobs_across_expiries(home, aws, server):
    variables = server.variables | reach(aws) | {"NODE_PATH": NODE_MODULES}
    running = [home.start(*job, **variables) for job in jobs(SECONDS)]
    runs = []
    cli = threading.Thread(target=lambda: runs.extend(run_cli(home, aws, variables)))
    cli.start()
    attacks(server)
    ended = [process.communicate(timeout=120) for process in running]
    cli.join()
    for name, (out, err) in zip(["boto3", "the JavaScript SDK"], ended, strict=True):
        with check(f"{name} never fails across three expiries"):
            result = json.loads(out or "{}")
            assert result, err
            print(f"        {result['count']} requests with {len(result['ids'])} sessions", flush=True)
            equal(result["errors"], [], "errors")
            assert len(result["ids"]) >= 4, result
    with check("neither do AWS CLI v1 and v2"):
        assert len(runs) >= 8, runs
        equal([ran.err for ran in runs if ran.code != 0], [], "errors")
    with check("each session costs one code, and no code is sent twice"):
        codes = aws.codes()
        equal(len(set(codes)), len(codes), "distinct codes")
        equal(aws.refused(), [], "refused requests")


def run_cli(home, aws, variables):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for cli in (AWS_CLI_V1, AWS_CLI_V2):
            yield home.run(cli, "sts", "get-caller-identity", "--endpoint-url", aws.endpoint, **variables)


def attacks(server):
    with check("wrong token, Host, Origin, path and method are refused"):
        equal(server.status(), 200, "as it should be")
        equal(server.status(Authorization="x" * 64), 401, "wrong token")
        equal(server.status(Host="evil.example"), 403, "foreign host")
        equal(server.status(Origin="http://127.0.0.1"), 403, "origin")
        equal(server.status(Sec_Fetch_Site="cross-site"), 403, "browser")
        equal(server.status(path="/prod"), 404, "unknown profile")
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
            equal(server.status(method), 405, method)
    with check("oversized requests are refused"):
        equal(server.status(X="x" * 60_000), 431, "long header")
        equal(server.status(path="/" + "x" * 60_000), 431, "long path")
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        with contextlib.suppress(OSError), connection:
            while True:
                connection.sendall(b"x" * 65536)
    with check(f"{FLOOD} connections at once are served or refused, and none is left hanging"):
        with ThreadPoolExecutor(100) as pool:
            statuses = list(pool.map(lambda _: server.status(), range(FLOOD)))
        served = statuses.count(200)
        print(f"        {served} served, {statuses.count(None)} refused", flush=True)
        equal(set(statuses) - {200, None}, set(), "other statuses")
        assert served > FLOOD / 2, served
    with check(f"{FLOOD} idle connections keep nobody out"):
        idle = []
        for index in range(FLOOD):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            if index % 3 == 0:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
            idle.append(connection)
        equal([server.status() for _ in range(20)], [200] * 20, "statuses")
        # Those that lost their places are closed, not forgotten.
        assert select.select(idle[:100], [], [], 30)[0]
        for connection in idle:
            connection.close()
    with check("the server is alive, and the token is in no argument list"):
        equal(server.process.poll(), None, "exit code")
        arguments = open(f"/proc/{server.process.pid}/cmdline", "rb").read()
        contains(arguments, b"serve")
        assert server.token.encode() not in arguments
