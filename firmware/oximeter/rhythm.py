"""Whether a person's pulse was irregular before, by the log. Imported when a finger comes."""

from micropython import const

from oximeter.core import field

_LOOKED_AT = const(32)  # records: many people may be between two readings of one


def before(log, person):
    """A bit for each of the person's last two settled readings: irregular."""
    found = count = 0
    at = log.next
    last = max(0, at - _LOOKED_AT)
    while at > last and count < 2:
        at -= 1
        if log.read(at) and log.record[field.PERSON] == person:
            found |= (log.record[field.FLAGS] & field.FLAG_IRREGULAR != 0) << count
            count += 1
    log.close()
    return found
