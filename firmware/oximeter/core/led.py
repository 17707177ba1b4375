"""LED current: a proposal from the light that comes back. Sets nothing; the app decides."""

from micropython import const

_LOW_ADC = const(52428)  # 20 % of full scale: below, noise counts for more than current costs
_HIGH_ADC = const(222821)  # 85 %: above, a press of the finger would clip
_TARGET_ADC = const(144178)  # 55 %, the middle of the 40-70 % the design asks for
_STEP_UA = const(200)  # MAX30102 datasheet, LED pulse amplitude: 0.2 mA a step
_MIN_UA = const(800)
_MAX_UA = const(50000)  # 0xFF is 51 mA


def propose_led_ua(dc_adc, led_ua):
    """Current in uA that would bring dc_adc (0 … 262143) to 55 % of full scale.

    Unchanged while 20-85 % hold: a change disturbs a running reading. Light is proportional to
    current, so one proposal lands; clipped light says nothing, so there the current is halved.
    """
    if _LOW_ADC <= dc_adc <= _HIGH_ADC:
        return led_ua
    if dc_adc > 260000:
        wanted_ua = led_ua >> 1
    elif dc_adc < _LOW_ADC >> 3:
        wanted_ua = led_ua * 4
    else:
        wanted_ua = led_ua * (_TARGET_ADC >> 4) // (dc_adc >> 4)
    wanted_ua = wanted_ua // _STEP_UA * _STEP_UA
    if wanted_ua < _MIN_UA:
        return _MIN_UA
    if wanted_ua > _MAX_UA:
        return _MAX_UA
    return wanted_ua
