"""The few names of MicroPython's `micropython` module that firmware uses, on CPython."""

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def const(value: _T) -> _T:
    return value


def native(function: Callable) -> Callable:
    return function


def heap_lock() -> None: ...


def heap_unlock() -> int:
    return 0


def alloc_emergency_exception_buf(size: int) -> None: ...
