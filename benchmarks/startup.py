"""How long do a page of 10,000 inputs and an import of 10,000 rows take beyond the start-up?

    make bench NAME=startup

Processor time of the commands, the median of three, less that of importing what a report needs. `ratio` is
the larger one over the start-up; `beyond` are the seconds.
"""

import statistics
import tempfile
from pathlib import Path

from _common import finish, say
from _runs import cost, start_up, write_run

ROWS, ROUNDS = 10_000, 3


def main() -> None:
    beyond: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = str(write_run(folder / "run", ROWS))
        log = folder / "log.tsv"
        rows = "".join(f"{i}\t3\t3\t0.378\t1\t15.4\n" for i in range(ROWS))
        log.write_text(f"idx\tlabel\tpredict\tradius\tcorrect\ttime\n{rows}")
        begun = start_up().seconds
        say(f"start-up                 {begun:6.2f} s")
        for what, command in {
            "page": ("report", run, "-o", str(folder / "page-{}.html")),
            "import": ("import", str(log), "--store", str(folder / "imported-{}")),
        }.items():
            taken = [cost(*(part.format(number) for part in command)).seconds for number in range(ROUNDS)]
            beyond[what] = round(statistics.median(taken) - begun, 2)
            say(f"{what} of {ROWS:,}, beyond {beyond[what]:6.2f} s")
    finish("startup", round(max(beyond.values()) / begun, 2), beyond=beyond, start_up=round(begun, 2))


if __name__ == "__main__":
    main()
