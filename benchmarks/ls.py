"""How long does `wulff ls` take over 300 runs of 10,000 records?

    make bench NAME=ls

One run is made and copied; at reduced size there are 60 copies. `ratio` is the processor time of the listing
over that of the start-up alone; `unfinished` is the time where one of the runs has no summary, so that its
records are counted.
"""

import json
import shutil
import tempfile
from pathlib import Path

from _common import FULL, finish, say
from _runs import cost, start_up, write_run

from wulff import runs
from wulff.runs.folder import RECORDS, SUMMARY
from wulff.runs.summaries import summary

RUNS = 300 if FULL else 60
RECORDS_EACH = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        first = write_run(Path(name) / "first", RECORDS_EACH)
        (first / SUMMARY).write_text(json.dumps(summary(runs.load(first))))
        for number in range(1, RUNS):
            shutil.copytree(first, Path(name) / f"run-{number:03}")
        begun = start_up()
        say(f"start-up              {begun.seconds:6.2f} s")
        finished = cost("ls", name)
        say(f"{RUNS} finished runs     {finished.seconds:6.2f} s")
        records = first / RECORDS
        records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:-1]))
        unfinished = cost("ls", name)
        say(f"one of them unfinished {unfinished.seconds:5.2f} s")
    finish(
        "ls",
        round(finished.seconds / begun.seconds, 3),
        runs=RUNS,
        seconds=round(finished.seconds, 2),
        start_up=round(begun.seconds, 2),
        unfinished=round(unfinished.seconds, 2),
    )


if __name__ == "__main__":
    main()
