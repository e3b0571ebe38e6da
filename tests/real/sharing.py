"""Eight computers share a device and log in at the same moment, on the real clock, within AWS's limit of verifications."""

from contextlib import ExitStack
from datetime import datetime

from bench import AWSMFA, FakeAws, check, equal, home_of, import_secret

COMPUTERS = 8

#: The number of verifications of one device that AWS allows in three minutes.
BUDGET = 9


def run():
    with ExitStack() as stack:
        aws = stack.enter_context(FakeAws("--model", "observed", "--user", "alice"))
        homes = [stack.enter_context(home_of(aws.users[0], aws.endpoint)) for _ in range(COMPUTERS)]
        for home in homes:
            home.use_file_store()
            import_secret(home, aws.users[0])
        started = [home.start(AWSMFA, "login", "--profile", "dev") for home in homes]
        # Each computer gets its turn within nine minutes, and most within three.
        ended = [(*process.communicate(timeout=1800), process.returncode) for process in started]
        requests = aws.requests("GetSessionToken")

    with check(f"{COMPUTERS} computers with one device all get a session"):
        equal([code for _, _, code in ended], [0] * COMPUTERS, "exit codes")
    times = sorted(datetime.fromisoformat(request["time"]).timestamp() for request in requests)
    crowds = [sum(start <= time < start + 180 for time in times) for start in times]
    print(f"        {len(times)} verifications in {times[-1] - times[0]:.0f} s, at most {max(crowds)} in any 3 minutes", flush=True)
    with check(f"at most {BUDGET} verifications in any 3 minutes"):
        assert max(crowds) <= BUDGET, crowds
    with check("computers print that the device is in use elsewhere, if it is"):
        told = ["is in use on another computer" in err for _, err, _ in ended]
        assert any(told), ended
        # Computers that got an unused code right away print nothing.
        equal(sum(told), COMPUTERS - sum("waiting" not in err for _, err, _ in ended), "computers that print so")
