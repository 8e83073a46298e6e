"""A package that lives outside wulff: `--plugin bellnoise` registers what its modules define."""

from bellnoise import bell, logistic, methods, stripes

__all__ = ["bell", "logistic", "methods", "stripes"]
