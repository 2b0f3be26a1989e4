"""An independent reading of shared/spec/event-patterns.md, slow and plain: tries every combination.

It shares no code with the product, and takes another way at each step: numbers as decimals, wildcards as a table,
addresses by the standard library, search by brute force.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from decimal import Decimal


class Spelled(str):
    """A number's text."""


class Members(list):
    """An object's pairs."""


def read(text):
    return json.loads(text, object_pairs_hook=Members, parse_int=Spelled, parse_float=Spelled)


def alternatives(pairs, path=()):
    """Lists of (path, leaf array) in reading order, the product of all $or."""
    found = [[]]
    for key, value in pairs:
        if key == "$or":
            branches = [one for branch in value for one in alternatives(branch, path)]
        elif isinstance(value, Members):
            branches = alternatives(value, (*path, key))
        else:
            branches = [[(".".join((*path, key)), value)]]
        found = [before + branch for before, branch in itertools.product(found, branches)]
    return found


def flatten(value, path, chosen, out, counter):
    """(joined path, scalar, {array: index}) for each leaf; of repeated keys the last counts."""
    if isinstance(value, Members):
        for key, member in dict(value).items():
            flatten(member, (*path, key), chosen, out, counter)
    elif isinstance(value, list):
        array = counter[0] = counter[0] + 1
        for index, element in enumerate(value):
            inner = {**chosen, array: index} if isinstance(element, list) else chosen
            flatten(element, path, inner, out, counter)
    else:
        out.append((".".join(path), value, chosen))


def double_of(text):
    """The decimal that a comparable number stands for, else None."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return None
    return Decimal(text) if Decimal(repr(value)) == Decimal(text) else None


def same_number(a, b):
    one, other = double_of(a), double_of(b)
    return str(a) == str(b) if one is None or other is None else one == other


def address(text):
    if not (re.fullmatch(r"\d+(\.\d+){3}", text, re.ASCII) or re.fullmatch(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*", text)):
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def glob(pattern, text):
    """By table, a row per pattern token."""
    tokens = []
    letters = iter(pattern)
    tokens.extend(None if letter == "*" else next(letters) if letter == "\\" else letter for letter in letters)
    row = {0}
    for token in tokens:
        row = (
            set(range(min(row), len(text) + 1))
            if token is None and row
            else {at + 1 for at in row if at < len(text) and text[at] == token}
        )
    return len(text) in row


def no_case(pattern, text, where):
    ends = set(range(len(text) + 1)) if where == "suffix" else {0}
    for letter in pattern:
        units = "??" if ord(letter) > 0xFFFF else letter
        for unit in units:
            ends = {at + len(form) for at in ends for form in {unit.lower(), unit.upper()} if text.startswith(form, at)}
    return bool(ends) if where == "prefix" else len(text) in ends


def is_text(value):
    return isinstance(value, str) and not isinstance(value, Spelled)


def equal(wanted, value):
    if isinstance(wanted, Spelled):
        return isinstance(value, Spelled) and same_number(wanted, value)
    return type(wanted) is type(value) and wanted == value


def holds(member, value):
    if not isinstance(member, Members):
        if is_text(member) and address(member) is not None and is_text(value) and address(value) == address(member):
            return True
        return equal(member, value)
    ((name, operand),) = member
    if name == "exists":
        return operand is True
    if name == "anything-but":
        if isinstance(operand, Members):
            ((inner, values),) = operand
            return not any(
                holds(Members([(inner, one)]), value) for one in (values if isinstance(values, list) else [values])
            )
        return not any(equal(one, value) for one in (operand if isinstance(operand, list) else [operand]))
    if name == "numeric":
        number = double_of(value) if isinstance(value, Spelled) else None
        terms = [(operand[place], Decimal(operand[place + 1])) for place in range(0, len(operand), 2)]
        compare = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
        return number is not None and all(getattr(number, compare[sign])(bound) for sign, bound in terms)
    if not is_text(value):
        return False
    if name == "cidr":
        network, found = ipaddress.ip_network(operand, strict=False), address(value)
        return found is not None and found.version == network.version and found in network
    if name == "wildcard":
        return glob(operand, value)
    if name == "equals-ignore-case":
        return no_case(operand, value, "whole")
    if name == "exactly":
        return operand == value
    if isinstance(operand, Members):
        return no_case(operand[0][1], value, name)
    return (
        value[: len(operand)] == operand
        if name == "prefix"
        else value[len(value) - len(operand) :] == operand and len(value) >= len(operand)
    )


def agree(one, other):
    return all(other.get(array, index) == index for array, index in one.items())


def search(fields, leaves, chosen):
    if not fields:
        return True
    (path, members), *rest = fields
    there = [(value, taken) for at, value, taken in leaves if at == path and agree(taken, chosen)]
    for value, taken in there:
        if any(holds(member, value) for member in members) and search(rest, leaves, {**chosen, **taken}):
            return True
    lacking = any(isinstance(member, Members) and member == [("exists", False)] for member in members)
    return lacking and not there and search(rest, leaves, chosen)


def matches(pattern, event):
    """Pattern and event as JSON text; the pattern is a valid one."""
    leaves = []
    flatten(read(event), (), {}, leaves, [0])
    for alternative in alternatives(read(pattern)):
        fields = sorted(dict(alternative).items(), key=lambda field: field[0].encode("utf-16-be", "surrogatepass"))
        if search(fields, leaves, {}):
            return True
    return False
