"""The checks tested: bugs planted one by one in the real core, each of which must be caught."""
