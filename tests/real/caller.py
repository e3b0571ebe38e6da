"""Prints who boto3 is with the profile of the first argument."""

import json
import sys

import boto3

identity = boto3.Session(profile_name=sys.argv[1]).client("sts").get_caller_identity()
print(json.dumps({"Arn": identity["Arn"]}))
