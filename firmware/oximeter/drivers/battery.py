"""Two AAA cells behind a divider and an ADC."""

# Voltage of two alkaline AAA cells in series (mV) and what is left (%), at some 25 mA. Read off
# makers' constant-current discharge curves and rounded: good for a gauge, not for a promise.
_CURVE = (
    (3100, 100),
    (2900, 85),
    (2700, 65),
    (2600, 52),
    (2500, 38),
    (2400, 25),
    (2300, 15),
    (2200, 8),
    (2000, 0),
)


class Battery:
    """`adc` has read_uv(); the cells' voltage is the ADC's times divider_num / divider_den."""

    def __init__(self, adc, divider_num, divider_den):
        self._adc = adc
        self._num = divider_num
        self._den = divider_den

    def millivolts(self):
        """The pair's voltage in mV, median of eight: one radio burst does not move it."""
        readings = sorted([self._adc.read_uv() for _ in range(8)])
        return (readings[3] + readings[4]) // 2 * self._num // self._den // 1000

    def percent(self):
        """What is left of the cells, 0 … 100."""
        mv = self.millivolts()
        above_mv, above_pct = _CURVE[0]
        if mv >= above_mv:
            return 100
        for below_mv, below_pct in _CURVE:
            if mv >= below_mv:
                step = (above_pct - below_pct) * (mv - below_mv)
                return below_pct + step // (above_mv - below_mv)
            above_mv = below_mv
            above_pct = below_pct
        return 0
