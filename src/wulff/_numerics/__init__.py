"""Numbers with a direction: the only place where rounding is done."""
