"""Comparison of an expected piece of JSON with what the program says: only the named keys count."""

import re

from harness import Verbatim

SPECIAL = re.compile(r"<(absent|any|length|like)(?: (.*))?>", re.S)


def difference(expected, actual, place=""):
    """The first difference as a sentence, or None. Objects: only the expected keys are compared; arrays:
    the same length, element by element. In place of a value can stand "<absent>" (the key must not be there),
    "<any>" (it must), "<length N>" (a string of so many characters), "<like REGEX>" (the whole of a string)."""
    special = SPECIAL.fullmatch(expected) if isinstance(expected, str) and not isinstance(expected, Verbatim) else None
    if special:
        return _special_difference(special, actual, place)
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{place or '.'}: expected an object, found {actual!r}"
        for key, value in expected.items():
            inner = f"{place}.{key}"
            if value == "<absent>":
                if key in actual:
                    return f"{inner}: expected nothing, found {actual[key]!r}"
            elif key not in actual:
                return f"{inner}: missing"
            elif found := difference(value, actual[key], inner):
                return found
        return None
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return f"{place or '.'}: expected an array, found {actual!r}"
        if len(expected) != len(actual):
            return f"{place or '.'}: expected {len(expected)} elements, found {len(actual)}: {actual!r}"
        for index, (left, right) in enumerate(zip(expected, actual)):
            if found := difference(left, right, f"{place}[{index}]"):
                return found
        return None
    # True == 1 in Python, but not in JSON.
    if type(expected) is not type(actual) or expected != actual:
        return f"{place or '.'}: expected {expected!r}, found {actual!r}"
    return None


def _special_difference(special, actual, place):
    kind, argument = special.groups()
    if kind == "any":
        return None
    if kind == "absent":
        return f"{place}: expected nothing, found {actual!r}"
    if not isinstance(actual, str):
        return f"{place}: expected a string, found {actual!r}"
    if kind == "length" and len(actual) != int(argument):
        return f"{place}: expected {argument} characters, found {len(actual)}"
    if kind == "like" and not re.fullmatch(argument, actual, re.S):
        return f"{place}: expected to match {argument!r}, found {actual!r}"
    return None
