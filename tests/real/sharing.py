"""Eight computers share a device and log in at the same moment, by the real clock: AWS's budget lasts for all of them."""

from collections import Counter
from contextlib import ExitStack
from datetime import datetime

from bench import AWSMFA, FakeAws, check, equal, home_of, import_secret

COMPUTERS = 8

#: Verifications of one device that AWS makes in each of its three-minute windows.
BUDGET = 9


def run():
    with ExitStack() as stack:
        aws = stack.enter_context(FakeAws("--model", "observed", "--user", "alice"))
        homes = [stack.enter_context(home_of(aws.users[0], aws.endpoint)) for _ in range(COMPUTERS)]
        for home in homes:
            home.use_file_store()
            import_secret(home, aws.users[0])
        started = [home.start(AWSMFA, "login", "--profile", "dev") for home in homes]
        # A turn is in the window after next at most, and few need more than three.
        ended = [(*process.communicate(timeout=1800), process.returncode) for process in started]
        requests = aws.requests("GetSessionToken")

    with check(f"{COMPUTERS} computers with one device, cold at the same moment, all get a session"):
        equal([code for _, _, code in ended], [0] * COMPUTERS, "exit codes")
    counts = Counter(int(datetime.fromisoformat(request["time"]).timestamp()) // 180 for request in requests)
    windows = [counts[window] for window in sorted(counts)]
    print(f"        verifications in each three-minute window: {windows}", flush=True)
    with check(f"no three-minute window has more than {BUDGET} verifications"):
        assert max(windows) <= BUDGET, windows
    with check("those whose code was used say that the device is in use elsewhere"):
        told = ["is in use on another computer" in err for _, err, _ in ended]
        assert any(told), ended
        # Computers that found a code of their own right away have nothing to say.
        equal(sum(told), COMPUTERS - sum("waiting" not in err for _, err, _ in ended), "computers that say so")
