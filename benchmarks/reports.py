"""What do reports of large runs cost, in processor time and memory?

    make bench NAME=reports             100,000 records
    make bench NAME=reports SIZE=full   1,000,000 records, and a page of 200,000 inputs

A table, a page, and the import of a published log of 10,000 rows. `ratio` is the processor time of the table
beyond the start-up, per record, over that of parsing its line by `json.loads` alone.
"""

import json
import tempfile
import time
from pathlib import Path

from _common import FULL, finish, say
from _runs import Cost, cost, start_up, write_run

from wulff.runs.folder import RECORDS

TABLE = 1_000_000 if FULL else 100_000
PAGE = 200_000 if FULL else 20_000
SMALL = 10_000


def parsing(records: Path) -> float:
    """Seconds that `json.loads` takes for a line."""
    with records.open("rb") as journal:
        lines = [line for line, _ in zip(journal, range(SMALL), strict=False)]
    start = time.process_time()
    for line in lines:
        json.loads(line)
    return (time.process_time() - start) / len(lines)


def main() -> None:
    figures: dict[str, Cost] = {"start-up": start_up()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, page, small = (str(write_run(folder / str(size), size)) for size in (TABLE, PAGE, SMALL))
        one = parsing(Path(table) / RECORDS)
        log = folder / "log.tsv"
        rows = "".join(f"{i}\t3\t3\t0.378\t1\t15.4\n" for i in range(SMALL))
        log.write_text(f"idx\tlabel\tpredict\tradius\tcorrect\ttime\n{rows}")
        figures[f"table of {TABLE:,} records"] = report = cost("report", table)
        figures[f"page of {PAGE:,} inputs"] = cost("report", page, "-o", str(folder / "page.html"))
        figures[f"page of {SMALL:,} inputs"] = cost("report", small, "-o", str(folder / "small.html"))
        figures[f"import of {SMALL:,} rows"] = cost("import", str(log), "--store", str(folder / "imported"))
    for what, taken in figures.items():
        say(f"{what:<28} {taken.seconds:7.2f} s {taken.megabytes:8.0f} MB")
    ratio = (report.seconds - figures["start-up"].seconds) / TABLE / one
    finish(
        "reports",
        round(ratio, 2),
        seconds={what: round(taken.seconds, 2) for what, taken in figures.items()},
        megabytes={what: round(taken.megabytes) for what, taken in figures.items()},
    )


if __name__ == "__main__":
    main()
