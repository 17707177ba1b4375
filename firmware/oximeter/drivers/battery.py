"""Two AAA cells behind a divider and an ADC."""

# Voltage of two alkaline AAA cells in series (100 mV) and what is left (%), at some 25 mA. From
# makers' constant-current discharge curves, rounded: good for a gauge, not for a promise.
_CURVE = bytes((31, 100, 29, 85, 27, 65, 26, 52, 25, 38, 24, 25, 23, 15, 22, 8, 20, 0))


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
        if mv >= 100 * _CURVE[0]:
            return 100
        for at in range(2, len(_CURVE), 2):
            below_mv = 100 * _CURVE[at]
            below_pct = _CURVE[at + 1]
            if mv >= below_mv:
                step = (_CURVE[at - 1] - below_pct) * (mv - below_mv)
                return below_pct + step // (100 * _CURVE[at - 2] - below_mv)
        return 0
