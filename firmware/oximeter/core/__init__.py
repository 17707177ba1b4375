"""Signal in, reading out: the algorithm of the oximeter.

Integers only, inside 31 bits; no input or output, no clock, nothing allocated once `new` has run.
The state is a tuple of flat integer arrays, made once; every call takes it first.

    state = core.new()
    core.feed(state, red_adc, ir_adc, count, t_ms, events)
    reading = core.reading(state)
"""

from oximeter.core.led import propose_led_ua as propose_led_ua
from oximeter.core.pipeline import FAILED_READ_ADC as FAILED_READ_ADC
from oximeter.core.pipeline import feed as feed
from oximeter.core.pipeline import new as new
from oximeter.core.pipeline import reading as reading
from oximeter.core.pipeline import restart as restart
from oximeter.core.pipeline import set_curve as set_curve
from oximeter.core.pipeline import set_die as set_die
