"""What an object holds, by name: for storing it, whether its class is Python's or compiled.

A compiled class has neither `__dict__` nor slots; mypyc lists its attributes.
"""


def attributes(thing: object) -> dict[str, object]:
    """Return the attributes that `thing` has, by name."""
    names: list[str] = list(getattr(thing, "__mypyc_attrs__", ()))
    if not names:
        for kind in type(thing).__mro__:
            names += kind.__dict__.get("__slots__", ())
        names += getattr(thing, "__dict__", ())
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def restore(thing: object, held: dict[str, object]) -> None:
    """Give `thing` the attributes that another like it had."""
    for name, value in held.items():
        setattr(thing, name, value)
