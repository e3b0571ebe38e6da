"""Prints the identity of boto3 with the profile in the first argument, or in the environment."""

import json
import sys

import boto3

profile = {"profile_name": sys.argv[1]} if len(sys.argv) > 1 else {}
identity = boto3.Session(**profile).client("sts").get_caller_identity()
print(json.dumps({"Arn": identity["Arn"]}))
