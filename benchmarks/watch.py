"""Runs a command and prints what it took as JSON: seconds, those of all processors, the most memory.

It imports nothing large: a process starts with the memory of the one that starts it.

usage: watch.py SECONDS COMMAND ...
"""

import json
import resource
import subprocess
import sys
import time


def main(limit: int, command: list[str]) -> None:
    """Run the command, each of its processes for so many seconds of a processor at most."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    started = time.monotonic()
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "code": done.returncode,
        "seconds": time.monotonic() - started,
        "processor_seconds": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
