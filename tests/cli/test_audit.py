"""`wulff audit` prints what it measured."""

import json


def test_command(wulff, files) -> None:
    arguments = ["audit", "batch-invariance", "--model", str(files / "model"), "--copies", "100"]
    result = wulff(*arguments)
    assert result.code == 0
    assert "batches of 16" in result.out
    fields = json.loads(wulff(*arguments, "--json", "--dtype", "bfloat16").out)
    assert fields["dtype"] == "bfloat16"
    assert fields["reference"] == 256
    assert {v["copies"] for v in fields["variations"]} == {100}
    assert wulff(*arguments, "--batches", "1,x").code == 2
    assert wulff(*arguments, "--batches", "0").code == 2
    assert wulff(*arguments, "--copies", "0").code == 2
