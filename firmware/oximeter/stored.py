"""Numbers of a stored reading, for the files of the log."""

SIZE = 32  # bytes of a record
SUMMED = 28  # of them under the checksum
VERSION = 1  # the checksum begins with it: records of another version do not pass
SHIFT = 7  # 128 records a file
FILES = 9  # eight hold 1024 while one is filled
NONE16 = 0xFFFF
