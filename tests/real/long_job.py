"""A job that sends a request with one boto3 client again and again, for the seconds in the first argument, with credentials from
the environment. Prints the access key IDs that it used and the requests that failed."""

import json
import sys
import time

import boto3

client = boto3.client("sts")
ids, errors, count = [], [], 0
end = time.monotonic() + float(sys.argv[1])
while True:
    count += 1
    try:
        client.get_caller_identity()
        key = client._request_signer._credentials.get_frozen_credentials().access_key
        ids += [key] if key not in ids else []
    except Exception as error:  # noqa: BLE001 - counted
        errors.append(str(error))
    if time.monotonic() >= end:
        break
    time.sleep(0.2)
print(json.dumps({"count": count, "ids": ids, "errors": errors}))
