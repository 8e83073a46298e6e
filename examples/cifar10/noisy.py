"""How many noisy copies of inputs get the right label, in runs of `wulff predict`.

python examples/cifar10/noisy.py RUN...
"""

import sys

from wulff import runs

lines = ["| run | inputs | noisy copies that are right | smoothed labels that are right |"]
lines += ["| --- | ---: | ---: | ---: |"]
for folder in sys.argv[1:]:
    records = runs.load(folder).records
    copies = sum(record.counts["prediction"].get(record.label, 0) for record in records)
    right = sum(record.predict == record.label for record in records)  # abstentions are wrong
    taken = sum(record.n or 0 for record in records)
    lines += [f"| {folder} | {len(records):,} | {copies / taken:.1%} | {right / len(records):.1%} |"]
sys.stdout.write("\n".join(lines) + "\n")
