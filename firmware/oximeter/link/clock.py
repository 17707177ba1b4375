"""Dates into the seconds that the board counts. Imported when somebody sets the clock."""

_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # days of the year


def seconds(board, year, month, day, hour, minute, second):
    """Seconds since 2000-01-01 UTC. Raises ValueError for what is no date from 2000 to 2099."""
    if not (2000 <= year <= 2099 and 1 <= month <= 12):
        raise ValueError("date")
    days = (year - 2000) * 365 + (year - 1997) // 4 + _BEFORE[month - 1] + day - 1
    if month > 2 and year % 4 == 0:
        days += 1
    told = ((days * 24 + hour) * 60 + minute) * 60 + second
    if board.gmtime(told + board.EPOCH_S)[:6] != (year, month, day, hour, minute, second):
        raise ValueError("date")  # no such day, hour, minute or second
    return told
