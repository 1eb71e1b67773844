"""Offers NumPy, PyTorch or MLX to the benchmark: one JSON request per line in, one answer per line out.

Usage: python serve.py numpy|torch|mlx
The workloads and their inputs are those of ../libraries; times are taken in this process.
"""

import importlib
import json
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def main():
    library = importlib.import_module("with_" + sys.argv[1])
    job = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            what = request["do"]
            if what == "hello":
                reply = {"name": library.NAME, "version": library.VERSION, "how": library.HOW}
            elif what == "open":
                make = library.KINDS.get(request["kind"])
                job = make(request["params"]) if make else None
                reply = {"opened": job is not None}
            elif what == "time":
                run = job.run
                start = time.perf_counter()
                for _ in range(request["calls"]):
                    run()
                reply = {"ms": (time.perf_counter() - start) * 1e3 / request["calls"]}
            elif what == "result":
                reply = {"result": [float(v) for v in job.result()]}
            else:
                job = None
                reply = {}
        except Exception as error:  # an answer, not an end: the harness reports it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
