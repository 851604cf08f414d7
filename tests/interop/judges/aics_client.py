"""Runs in the environment of the judges: submits checkpoints with the client of aics-witness.

    python aics_client.py URL WITNESS_VKEY < SUBMISSIONS

A submission is a line of JSON: a note, and proofs in base64 by `old-new`. Prints for each one the
signature lines, or the name of the error.
"""

import base64
import json
import sys

from aics_witness import FeederError, WitnessClient

url, vkey = sys.argv[1:]
with WitnessClient(url, vkey) as client:
    for text in sys.stdin:
        submission = json.loads(text)
        proofs = {
            sizes: [base64.b64decode(each) for each in path]
            for sizes, path in submission["proofs"].items()
        }
        try:
            answer = client.submit(
                submission["note"].encode(), lambda old, new, known=proofs: known[f"{old}-{new}"]
            )
        except FeederError as error:
            answer = type(error).__name__
        print(json.dumps(answer), flush=True)  # noqa: T201  # the answer of the judge
