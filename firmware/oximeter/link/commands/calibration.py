"""calibration, set calibration A B C EVIDENCE DATE BATCH: the curve from ratio to SpO2.

A, B and C are the coefficients of SpO2 = A R^2 + B R + C in percent times 10^7, EVIDENCE is none,
secondary or human_sao2, DATE as 20261126, BATCH up to 16 plain characters (- for none).
"""


def run(console, app, words):
    kept = app.settings
    if words:
        if len(words) != 6:
            raise ValueError("usage", "say set calibration A B C EVIDENCE DATE BATCH")
        app.save(
            (
                ("curve_e7", tuple([int(word) for word in words[:3]])),
                ("evidence", words[3]),
                ("date", int(words[4])),
                ("batch", "" if words[5] == "-" else words[5]),
            )
        )
        console.words = console.words[:1]
        return None
    a, b, c = kept.curve_e7
    return "a_e7={} b_e7={} c_e7={} evidence={} date={} batch={}".format(
        a, b, c, kept.evidence, kept.date, kept.batch or "-"
    )
