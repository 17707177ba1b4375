"""From a reading to what to do: the verdict table. Clinically unreviewed.

No clinician has signed these lines yet (firmware/SAFETY.md, H4). Where they come from: the ninth
and tenth diagnosis plans of China's health commission call 93 % at rest severe; public advice
there, NHS England and the WHO give 95, 94, 92 and 90 their meanings.
"""

from micropython import const

from oximeter import terms

_ATTENTION_PCT = const(94)
_DOCTOR_PCT = const(93)
_CALL_PCT = const(90)
_RANGE_PCT = const(70)  # below it no curve is supported
_BASELINE_CALL_PCT = const(85)
_SLOW_BPM = const(40)
_FAST_BPM = const(130)


def rounded_half_down(centipct):
    """Hundredths of a percent to whole percent, halves down; below 0 (NONE) it is -1.

    The one rounding of the saturation: screen and verdict use its result. By way of the one
    decimal that leaves the device, so that whoever rounds that gets what the screen showed.
    """
    if centipct < 0:
        return -1
    return ((centipct + 4) // 10 + 4) // 10


def judge(spo2_pct, pulse_bpm, sd_centipct, marks, settings):
    """The verdict, one of terms.GREEN … terms.BELOW, with terms.AGAIN where the error estimate
    crosses a line. A pure function: spo2_pct as `rounded_half_down` gives it, pulse_bpm rounded or
    -1, sd_centipct or -1, marks of terms.MARK_….
    """
    at_worst_pct = spo2_pct
    if sd_centipct > 0:
        at_worst_pct = rounded_half_down(max(0, 100 * spo2_pct - sd_centipct))
    verdict = _by_saturation(spo2_pct, marks, settings)
    again = 0
    worse = _by_saturation(at_worst_pct, marks, settings)
    if worse > verdict:
        verdict = worse
        again = terms.AGAIN
    if (pulse_bpm > _FAST_BPM or 0 <= pulse_bpm < _SLOW_BPM) and verdict < terms.CALL:
        verdict = max(verdict, terms.UNJUDGED) + 1
    if verdict == terms.GREEN and (
        settings.evidence != "human_sao2"
        or marks & (terms.MARK_OXYGEN | terms.MARK_SUSPECT_SWAP)
        or pulse_bpm < 0
        or sd_centipct < 0
    ):
        verdict = terms.UNJUDGED
    return verdict | again


def _by_saturation(spo2_pct, marks, settings):
    attention = _ATTENTION_PCT
    doctor = _DOCTOR_PCT
    call = _CALL_PCT
    if marks & terms.MARK_BASELINE:
        own_pct = settings.baseline_pct()
        attention = own_pct - 2
        doctor = own_pct - 3
        call = min(_CALL_PCT, max(own_pct - 5, _BASELINE_CALL_PCT))
    if spo2_pct < _RANGE_PCT or marks & terms.MARK_BELOW_RANGE:
        return terms.BELOW
    if spo2_pct <= call:
        return terms.CALL
    if spo2_pct < doctor:
        return terms.RECHECK
    if spo2_pct == doctor:
        return terms.DOCTOR
    if spo2_pct <= attention:
        return terms.ATTENTION
    return terms.GREEN


def worse(one, other):
    """The worse of two verdicts."""
    return one if one & terms.VERDICT >= other & terms.VERDICT else other
