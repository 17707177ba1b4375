"""The words of a line that came from the console. Imported for that moment."""

NAMES = (
    " baseline calibration clock crash help identify language leds log mode off reset selftest "
    "settings stop stream "
)


def words(line, length):
    """The command's name, then what it is told."""
    if line and length > len(line):
        raise ValueError("too_long", "a line has at most 80 characters")
    words = bytes(line[:length]).decode().split() if length > 0 else ()
    if not words:
        raise ValueError("garbled", "this was no command: send it again")
    if words[0] == "set" and len(words) > 2:
        words = words[1:]
    words[0] = words[0].replace("-", "")
    if f" {words[0]} " not in NAMES:
        raise ValueError("unknown", "say help for the commands")
    return words
