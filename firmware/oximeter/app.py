"""The life of the device: sensor to core, what the board knows laid over it, and the screen.

No clock and no pins: `step` is told the time and asks the board for parts. The core judges the
signal; here is judged whether there is a signal at all, and whether it may be shown.
"""

from array import array

from micropython import const

from oximeter import core, settings
from oximeter.core import field
from oximeter.drivers import bus, button
from oximeter.drivers.battery import Battery
from oximeter.drivers.buzzer import Buzzer
from oximeter.drivers.max30102 import DEPTH, LED_STEP_UA, Max30102, WrongPart
from oximeter.drivers.oled import Oled
from oximeter.ui import screens, text

_STEP_MS = const(40)  # four samples at 100/s; the sensor's FIFO holds 320 ms
_FRAME_MS = const(200)
_RELIT_MS = const(2000)  # a display that reset itself is dark for no longer
_TEND_MS = const(1000)
_ROUND_MS = const(200)  # 32 samples take longer, at 150/s still 213 ms
_SILENCE_MS = const(1000)  # without a sample it is a fault
_AMBIENT_MS = const(1000)  # how long one overflow of the light cancellation counts
_OLD_MS = const(1800)  # a reading so old is none; a frame later it is off the display too

_START_UA = const(7000)
_FINGER_ADC = const(8000)  # less infrared at the first current, and the core sees no finger
_DARK_ADC = const(1000)  # less does not even come back from the case: more current is no help
_DEAD_ADC = const(128)  # the highest dark count; a light returns much more even from the case
_GLOW_MS = const(2000)

# Two alkaline AAA cells under load: 8 % and 15 % left. Under 1 V there are none.
_LOW_MV = const(2200)
_ENOUGH_MV = const(2300)
_ABSENT_MV = const(1000)

_FIRST_MS = const(6000)  # the first reading comes within this time of a still finger
_CHIME_HZ = const(800)  # old ears: 500 to 1000 Hz
_CHIME_MS = const(60)

_FAULTS = (
    field.FLAG_FAULT_NACK
    | field.FLAG_FAULT_BUS
    | field.FLAG_FAULT_FIFO
    | field.FLAG_FAULT_ID
    | field.FLAG_FAULT_DEAD_LED
)


class App:
    """`step` it when it asks for it. `reading` has the fields of core.reading and is what is in
    force now, rewritten in place; `pulse_wave` is a ring whose newest point is at `wave_at`.
    """

    def __init__(self, board):
        self._board = board
        board.display_reset.value(0)  # dark until the first frame is ready
        self._settings = settings.load(board.DATA_DIR)
        self._display = Oled(
            board.display_port(), self._settings.controller or board.DISPLAY_CONTROLLER
        )
        self._lit = False
        self._lit_ms = -_TEND_MS
        self._framed_ms = -_FRAME_MS
        self._view = screens.View()
        self._view.language = self._settings.language
        self._view.calibrated = self._settings.evidence != "none"
        self.pulse_wave = bytearray(b"\x80" * 128)
        self._view.wave = self.pulse_wave
        self.wave_at = 0
        self._waving = False

        self._core = core.new(board.CHANNELS)
        core.set_curve(self._core, *self._settings.curve_q20())
        self._measured = core.reading(self._core)
        self.reading = array("i", [field.NONE] * field.LENGTH)
        self.reading[field.STATUS] = field.STARTING
        self.reading[field.FLAGS] = 0
        self.reading[field.SEQ] = 0

        self._driver = Max30102(None)  # once: its buffer and slices take 1.2 KB
        self._sensor = None  # the driver, while it is started
        self._red_adc = array("i", [0] * DEPTH)
        self._ir_adc = array("i", [0] * DEPTH)
        self._red_ua = _START_UA
        self._ir_ua = _START_UA
        self._events = 0  # for the next block
        self._started = False  # a sample has come since the start
        self._heard_ms = None  # when the last sample came
        self._read_ms = 0
        self._glow_ms = 0
        self._cause = field.FLAG_FAULT_NACK  # why none does
        self._ambient_ms = -_AMBIENT_MS - 1
        self._mended_ms = -_TEND_MS
        self._seq = 0
        self._judged_ms = 0
        self._searching_ms = -1  # since when; -1: not now
        self._chimed = False  # for this finger's settled reading

        self._button = button.Button(board.button)
        self._buzzer = Buzzer(board.buzzer)
        self._battery = None
        if board.battery_adc is not None:
            self._battery = Battery(board.battery_adc, *board.BATTERY_DIVIDER)
        self._battery_pct = field.NONE
        self._battery_low = False
        self._on_cable = False
        self._tended_ms = -_TEND_MS
        self._aimed_ms = 0

    def step(self, now_ms):
        """Everything that is due at now_ms; the milliseconds until the next call."""
        if self._heard_ms is None:
            self._heard_ms = now_ms
        self._tend(now_ms)
        self.sample(now_ms)
        if now_ms - self._aimed_ms >= _TEND_MS:
            self._aimed_ms = now_ms
            if self._sensor is not None:
                try:
                    if not self._sensor.verify():
                        # Who knows how the last samples were taken: nothing may stand on them.
                        self._events |= field.EVENT_LEDS
                    elif not self._board.leds_fixed:
                        self._aim()
                except OSError:
                    pass  # the next read will tell
        self.present(now_ms)
        return _STEP_MS

    def sample(self, now_ms):
        """Sensor to core to `reading`. Nothing is allocated while the sensor answers."""
        count = 0
        events = self._events
        self._events = 0
        sensor = self._sensor
        if sensor is not None:
            try:
                count = sensor.read(self._red_adc, self._ir_adc)
                self._cause = field.FLAG_FAULT_FIFO
                if count == DEPTH and now_ms - self._read_ms < _ROUND_MS:
                    count = 0  # the same again: the FIFO does not move
                self._read_ms = now_ms
                if sensor.lost:
                    events |= field.EVENT_LOST
                if sensor.ambient:
                    events |= field.EVENT_AMBIENT
                    self._ambient_ms = now_ms
            except OSError:
                self._blame_bus()
        if count:
            self._heard_ms = now_ms
            self._started = True
        elif self._cause != field.FLAG_FAULT_FIFO:
            events |= field.EVENT_NACK
        core.feed(self._core, self._red_adc, self._ir_adc, count, now_ms, events)
        self._overlay(now_ms)

    def _overlay(self, now_ms):
        """The core's reading, with a status for what only the board knows, and without the
        numbers that may not stand beside the status."""
        out = self.reading
        measured = self._measured
        for i in range(field.LENGTH):
            out[i] = measured[i]
        status = out[field.STATUS]
        flags = out[field.FLAGS]
        if out[field.SEQ] != self._seq:
            self._seq = out[field.SEQ]
            self._judged_ms = now_ms
        if status == field.OK and now_ms - self._judged_ms > _OLD_MS:
            status = field.SEARCHING
        if not self._started:
            status = field.STARTING
        if (
            status != field.NO_FINGER
            or self._board.leds_fixed
            or out[field.RED_DC_ADC] > _DEAD_ADC
            or out[field.IR_DC_ADC] > _DEAD_ADC
        ):
            self._glow_ms = now_ms
        elif now_ms - self._glow_ms >= _GLOW_MS:
            status = field.SENSOR_FAULT
            flags |= field.FLAG_FAULT_DEAD_LED
        if now_ms - self._ambient_ms <= _AMBIENT_MS:
            status = field.TOO_BRIGHT
        if self._settings.swap_confirmed and not self._settings.leds_swapped:
            status = field.LEDS_SWAPPED
        if now_ms - self._heard_ms >= _SILENCE_MS:
            status = field.SENSOR_FAULT
            flags = flags & ~_FAULTS | self._cause
        if self._battery_low:
            status = field.LOW_BATTERY
        if self._on_cable:
            status = field.USB_POWER
        pulsing = (
            status == field.OK
            or status == field.SEARCHING
            or status == field.WEAK_PULSE
            or status == field.MOTION
        )
        if status != field.OK:
            out[field.SPO2_CENTIPCT] = field.NONE
            out[field.SPO2_SD_CENTIPCT] = field.NONE
            out[field.RATIO_Q12] = field.NONE
            out[field.SETTLED_CENTIPCT] = field.NONE
            flags &= ~(field.FLAG_SETTLED | field.FLAG_BELOW_RANGE)
            if not pulsing or self._board.CHANNELS != 3:
                out[field.PULSE_DECIBPM] = field.NONE
                out[field.PERFUSION_MILLIPCT] = field.NONE
                flags &= _FAULTS | field.FLAG_SUSPECT_SWAP
            if status != field.SENSOR_FAULT:
                flags &= ~_FAULTS
        out[field.STATUS] = status
        out[field.FLAGS] = flags
        if pulsing:
            self._waving = True
            self.wave_at = (self.wave_at + 1) & 127
            point = out[field.WAVE] + 128
            self.pulse_wave[self.wave_at] = 0 if point < 0 else 255 if point > 255 else point
        elif self._waving:  # the wave of a finger that is gone
            self._waving = False
            for i in range(128):
                self.pulse_wave[i] = 128
            self._view.forget()

    def _blame_bus(self):
        held = not self._board.sensor_sda.value()
        self._cause = field.FLAG_FAULT_BUS if held else field.FLAG_FAULT_NACK

    def _tend(self, now_ms):
        """The cable, the button, the battery, and a sensor that is silent."""
        board = self._board
        cable = False
        if board.is_product and board.vbus is not None and not board.keep_awake:
            cable = board.vbus.value() == 1
        if cable != self._on_cable:
            self._on_cable = cable
            self._heard_ms = now_ms
            self._started = False
            self._mended_ms = now_ms - _TEND_MS
            if cable:
                self._sleep_sensor()
            else:
                core.restart(self._core)
        if self._button.step(now_ms) == button.SHORT:
            self._turn()
        self._buzzer.step(now_ms)
        if not self._waving:
            self._chimed = False
        elif self.reading[field.FLAGS] & field.FLAG_SETTLED and not self._chimed:
            self._chimed = True
            if not board.keep_awake:
                self._buzzer.tone(_CHIME_HZ, _CHIME_MS, now_ms)
        if now_ms - self._tended_ms >= _TEND_MS:
            self._tended_ms = now_ms
            if self._battery is not None:
                self._weigh_battery()
        if cable:
            self._heard_ms = now_ms  # silent by our own will
            return
        silent = now_ms - self._heard_ms >= _SILENCE_MS
        lost = self._sensor is None or self._sensor.rebooted
        if (silent or lost) and now_ms - self._mended_ms >= _TEND_MS:
            self._mended_ms = now_ms
            self._start_sensor(now_ms)

    def _start_sensor(self, now_ms):
        """From the bus up, so that it serves for the first start and for every recovery.

        Another part is told at once; asked for once a second, so within 2 s of its coming.
        """
        board = self._board
        try:
            held = not board.sensor_sda.value()
            if held and not bus.recover(board.sensor_scl, board.sensor_sda, board.sleep_us):
                # A software bus takes a held data line for an acknowledge: it must not be asked.
                raise OSError
            sensor = self._driver
            sensor.bus = board.sensor_bus()
            sensor.swapped = self._settings.leds_swapped == 1
            sensor.start(led_red_ua=self._red_ua, led_ir_ua=self._ir_ua)
            self._sensor = sensor
            self._cause = field.FLAG_FAULT_FIFO
            self._events |= field.EVENT_LOST
        except WrongPart:
            self._sensor = None
            self._cause = field.FLAG_FAULT_ID
            self._heard_ms = now_ms - _SILENCE_MS
        except OSError:
            self._sensor = None
            self._blame_bus()

    def _sleep_sensor(self):
        sensor = self._sensor
        self._sensor = None
        if sensor is not None:
            try:
                sensor.shutdown()
            except OSError:
                return  # it is started anew in any case

    def _weigh_battery(self):
        mv = self._battery.millivolts()
        if mv < _ABSENT_MV:
            self._battery_pct = field.NONE
            self._battery_low = False
            return
        self._battery_pct = self._battery.percent()
        # Without the gap the cells' recovery would let numbers come and go.
        self._battery_low = mv < (_ENOUGH_MV if self._battery_low else _LOW_MV)

    def _aim(self):
        """Bring each light to where the core wants it."""
        out = self.reading
        red_ua = ir_ua = _START_UA
        # With no finger there, more light would only blind the one that comes. What returns from
        # the case grows with the current, so it is judged by what it were at the first one.
        at_start_adc = out[field.IR_DC_ADC] * (_START_UA // LED_STEP_UA)
        if at_start_adc // (self._ir_ua // LED_STEP_UA) >= _FINGER_ADC:
            red_ua = _wanted_ua(out[field.RED_DC_ADC], self._red_ua)
            ir_ua = _wanted_ua(out[field.IR_DC_ADC], self._ir_ua)
        if red_ua == self._red_ua and ir_ua == self._ir_ua:
            return
        self._sensor.set_led_ua(red_ua, ir_ua)
        self._red_ua = red_ua
        self._ir_ua = ir_ua
        self._events |= field.EVENT_LEDS

    def present(self, now_ms):
        """Draw at most five times a second, and only what is not shown already."""
        if now_ms - self._framed_ms < _FRAME_MS:
            return
        self._framed_ms = now_ms
        if not self._lit and now_ms - self._lit_ms < _TEND_MS:
            return
        view = self._view
        out = self.reading
        view.status = out[field.STATUS]
        view.flags = out[field.FLAGS]
        view.spo2_pct = screens.rounded_half_down(out[field.SPO2_CENTIPCT])
        view.pulse_bpm = field.NONE
        if out[field.PULSE_DECIBPM] != field.NONE:
            view.pulse_bpm = (out[field.PULSE_DECIBPM] + 5) // 10
        view.perfusion_millipct = out[field.PERFUSION_MILLIPCT]
        view.quality = max(0, out[field.QUALITY])
        view.wave_at = self.wave_at
        view.battery_pct = self._battery_pct
        view.progress = self._progress_pct(now_ms)
        view.fault_name = _fault_name(out[field.FLAGS])
        changed = screens.draw(self._display.canvas, view)
        try:
            if not self._lit:
                self._lit_ms = now_ms
                self._display.start(self._board.display_reset, self._board.sleep_ms)
                self._lit = True
                self._display.turn(self._settings.turned == 1)
            elif now_ms - self._lit_ms >= _RELIT_MS:
                self._lit_ms = now_ms
                self._display.wake()
            elif changed:
                self._display.show_changed()
        except OSError:
            self._go_dark()

    def _progress_pct(self, now_ms):
        """How far the search is, by its time, in steps of ten; it ends when it ends."""
        if self.reading[field.STATUS] != field.SEARCHING:
            self._searching_ms = -1
            return 0
        if self._searching_ms < 0:
            self._searching_ms = now_ms
        return min(9, (now_ms - self._searching_ms) * 10 // _FIRST_MS) * 10

    def blank(self):
        """Nothing on the display, whatever state it is in."""
        self._go_dark()
        self._view.forget()
        try:
            self._display.blank()  # for a display whose reset is not wired
        except OSError:
            return

    def _go_dark(self):
        """By the reset line, which needs no bus. The display is started again when it is due."""
        self._board.display_reset.value(0)
        self._lit = False

    def _turn(self):
        """The picture the other way up, and so at the next start."""
        self._settings.turned ^= 1
        if self._lit:
            try:
                self._display.turn(self._settings.turned == 1)
            except OSError:
                self._go_dark()
        try:
            settings.save(self._board.DATA_DIR, self._settings)
        except OSError:
            return  # a full flash must not stop the measurement


def _wanted_ua(dc_adc, led_ua):
    return led_ua if dc_adc < _DARK_ADC else core.propose_led_ua(dc_adc, led_ua)


def _fault_name(flags):
    """The first fault among the flags, as "nack"; empty where there is none."""
    flag = field.FLAG_FAULT_NACK
    for name in text.FAULT_NAMES:
        if flags & flag:
            return name
        flag <<= 1
    return ""
