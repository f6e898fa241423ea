# Locust lives in an environment of its own, which the checks do not see.
# mypy: ignore-errors
"""What Locust runs: FastHttpUser, its fastest client, with settings from the environment.

POST_BODY makes it post, with a number of its own in each body; WAIT_S keeps each user to one
request in so many seconds; TIMES_FILE is given every response time, in seconds.
"""

import json
import os
from itertools import count
from pathlib import Path

from locust import FastHttpUser, constant, constant_throughput, events, task

BODY = os.environ.get("POST_BODY", "")
WAIT_S = float(os.environ.get("WAIT_S", "0"))
TIMES_FILE = os.environ.get("TIMES_FILE")
HEADERS = {
    "Authorization": os.environ.get("AUTHORIZATION", ""),
    "Content-Type": "application/json",
}
PATH = os.environ["URL_PATH"]
numbers = count()
times_s = []


class Client(FastHttpUser):
    wait_time = constant_throughput(1 / WAIT_S) if WAIT_S else constant(0)

    @task
    def request(self):
        # An unexpected status is a failure in Locust's own books.
        if BODY:
            body = BODY.replace("NUMBER", str(next(numbers)), 1)
            self.client.post(PATH, data=body, headers=HEADERS)
        else:
            self.client.get(PATH, headers=HEADERS)


if TIMES_FILE:

    @events.request.add_listener
    def keep(response_time, exception, **_):
        if exception is None:
            times_s.append(response_time / 1000)

    @events.quitting.add_listener
    def write(**_):
        Path(TIMES_FILE).write_text(json.dumps(times_s))
