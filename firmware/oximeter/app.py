"""The life of the device: sensor to core, what the board knows laid over it, and the guide.

No clock and no pins: `step` is told the time and asks the board for parts. The core judges the
signal; here is judged whether there is a signal at all, and whether it may be shown. Which phase a
measurement is in says guide.py, what a reading means says verdict.py.
"""

from array import array

from micropython import const

from oximeter import core, guide, log, terms, verdict
from oximeter.core import field
from oximeter.drivers import button, buzzer
from oximeter.drivers.battery import Battery
from oximeter.drivers.max30102 import DEPTH, LED_STEP_UA, Max30102, WrongPart
from oximeter.drivers.oled import BRIGHT, DIM, Oled
from oximeter.link.console import Console
from oximeter.ui import picture, screens

_STEP_MS = const(40)  # four samples at 100/s; the sensor's FIFO holds 320 ms
_FRAME_MS = const(100)
_RELIT_MS = const(2000)  # a display that reset itself is dark for no longer
_TEND_MS = const(1000)
_ROUND_MS = const(200)  # 32 samples take longer, at 150/s still 213 ms
_SILENCE_MS = const(1000)  # without a sample it is a fault
_BLIND_MS = const(100)  # two readings of the sensor without another overflow
_BLINK_MS = const(500)  # no finger goes and another comes in less
_AMBIENT_MS = const(1000)  # how long one overflow of the light cancellation counts
_OLD_MS = const(1800)  # a reading so old is none; a frame later it is off the display too

_START_UA = const(7000)
_FINGER_ADC = const(8000)  # less infrared at the first current, and the core sees no finger
# Error by stray light, times infrared at the first current. In the patient model (sim/patient) a
# finger that lies askew reads 0.2 points high where it returns the usual 120,000 counts, 1 point
# where it returns a fifth of that.
_STRAY_CENTIPCT_ADC = const(2400000)
_DARK_ADC = const(1000)  # less does not even come back from the case: more current is no help
_DEAD_ADC = const(128)  # the highest dark count; a light returns much more even from the case
_GLOW_MS = const(2000)

# Two alkaline AAA cells under load: 8 % and 15 % left. Under 1 V there are none.
_LOW_MV = const(2200)
_ENOUGH_MV = const(2300)
_ABSENT_MV = const(1000)
# A weak pair is spared before it is low: the display is dimmed, and the lights end at half of what
# they may take, since their pulses pull the voltage down most.
_WEAK_PCT = const(25)
_STRONG_PCT = const(35)
_SPARING_UA = const(25000)

_FIRST_MS = const(6000)  # the first reading comes within this time of a still finger
_SETTLING_S = const(32)  # and most settle so long after it
_OLD_LIGHT_MS = const(200)  # samples taken under the last current may still come
_PAGE_MS = const(4000)  # how long each page of a result stays
_FLASH_MS = const(500)
_BEEP_MS = const(50)
_SELF_TEST_MS = const(1500)
_DAY_S = const(86400)
_LOOKED_MS = const(15000)  # what stands on the display for so long was seen
# At night, by China's clock (UTC+8).
_EVENING_H = const(21)
_MORNING_H = const(6)

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
        self.board = board
        board.display_reset.value(0)  # dark until the first frame is ready
        from oximeter import settings

        self.settings = settings.load(board.DATA_DIR)
        board.unload("oximeter.settings")
        board.unload("oximeter.storing")
        self._display = Oled(
            board.display_port(), self.settings.controller or board.DISPLAY_CONTROLLER
        )
        self._lit = False
        self._level = BRIGHT
        self._news_ms = 0  # when something new came onto the display
        self._lit_ms = -_TEND_MS
        self._framed_ms = -_FRAME_MS
        self.view = screens.View()
        self.pulse_wave = self.view.wave
        for i in range(128):
            self.pulse_wave[i] = 128
        self.wave_at = 0
        self._waving = False

        self.guide = guide.new(board.keep_awake)
        self.mode = terms.MODE_HOME
        self.off = False  # nothing is left to do: the board may sleep
        self.log = log.Log(board.DATA_DIR)
        self.unsaved = 0  # steps until the settings are stored
        self._changes = ()  # of them, with that
        self.refused = None  # why they were not changed
        self.loaded = False  # a module, in this step
        self.console = Console()
        self.radio = None  # while Bluetooth is on
        self.now_ms = 0
        self._taken = 0  # samples of the last block
        self.person = 0  # 0: not told, 1 to 4
        self.marks = 0  # terms.MARK_OXYGEN, until switched off
        self.item = 0  # of the menu
        self.notice = 0  # the picture that says what was chosen
        self.ordinal = 0  # of the record shown
        self.record_at = 0  # and its number in the log
        self.rhythm = -1  # a bit for each of the last three settled readings: irregular. -1: the
        # log knows, and is asked when a finger comes
        self._counted = False  # this finger's settled reading
        self._held_pct = field.NONE
        self._held_bpm = field.NONE
        self._held_marks = 0
        self._held_ms = 0
        self._paged_ms = 0  # when the pages of a result began
        self._verdict = terms.UNJUDGED
        self._accepted_s = 0
        self._base_adc = 0  # light that returned when the finger came, at 200 uA
        self._beats = 0
        self._inverse = False

        # Made in the first step, when what reading the settings has left was collected; the driver
        # once, since its buffers and slices take half a KB.
        self._core = self._measured = self._driver = None
        self.reading = array("i", [field.NONE] * field.LENGTH)
        self.reading[field.STATUS] = field.STARTING
        self.reading[field.FLAGS] = 0
        self.reading[field.SEQ] = 0

        self._sensor = None  # the driver, while it is started
        self._red_adc = array("i", [0] * DEPTH)
        self._ir_adc = array("i", [0] * DEPTH)
        self._red_ua = _START_UA
        self._ir_ua = _START_UA
        self._brightest_ua = _START_UA
        self._die_centi_c = None  # as last measured
        self._events = 0  # for the next block
        self._started = False  # a sample has come since the start
        self._heard_ms = None  # when the last sample came
        self._read_ms = 0
        self._glow_ms = 0
        self._cause = field.FLAG_FAULT_NACK  # why none does
        self._ambient_ms = -_AMBIENT_MS - 1
        self._saw_ms = 0  # when the window was last seen, and something on it
        self._there = False
        self._mended_ms = -_TEND_MS
        self._seq = 0
        self._judged_ms = 0
        self._judged = False  # the core has said something new

        self._button = button.Button(board.button)
        self.buzzer = buzzer.Buzzer(board.buzzer)
        self._battery = None
        if board.battery_adc is not None:
            self._battery = Battery(board.battery_adc, *board.BATTERY_DIVIDER)
        self.battery_pct = field.NONE
        self._battery_low = False
        self._battery_weak = False
        self._on_cable = False
        self._tended_ms = -_TEND_MS
        self._aimed_ms = 0

    def step(self, now_ms):
        """Everything that is due at now_ms; the milliseconds until the next call.

        A module that is needed for a moment ends the step: what it leaves in memory can be
        collected before more is taken. The rest waits for the next.
        """
        self.loaded = False
        if self.guide[terms.PHASE] == terms.OFF:
            while self.unsaved:
                self._save()
            # A button still down would wake the board at once.
            self.off = self.board.button.value() == 1
            return _STEP_MS
        if self._heard_ms is None:
            self._heard_ms = now_ms
            self._core = core.new(self.board.CHANNELS)
            self.follow_settings()
            self._measured = core.reading(self._core)
            self._driver = Max30102(None)
            # 3 KiB, a twentieth of all there is.
            kinds = (App, Battery, Console, Max30102, Oled, button.Button, buzzer.Buzzer)
            kinds += (screens.View, type(self.settings))
            self.board.forget_making(kinds, core)
            self.log.open()
            self.unload("oximeter.log_end")
            return 1  # at once: what opening has left in the memory can be collected first
        self._tend(now_ms)
        self.sample(now_ms)
        if now_ms - self._aimed_ms >= _TEND_MS:
            self._aimed_ms = now_ms
            if self._sensor is not None:
                try:
                    if not self._sensor.verify():
                        # Who knows how the last samples were taken: nothing may stand on them.
                        self._events |= field.EVENT_LEDS
                    elif not self.board.leds_fixed:
                        self._aim()
                    self._warm()
                except OSError:
                    pass  # the next read will tell
        self._lead(now_ms)
        self.now_ms = now_ms
        if not self.loaded and (
            self.unsaved == 1 or (self.unsaved and now_ms - self._framed_ms < _FRAME_MS)
        ):
            self._save()
        if not self.loaded:
            self.console.step(self)
        if not self.loaded and self.radio is not None and not self.radio.step(now_ms):
            self.radio = None
            self.unload("oximeter.link.ble")
        if not self.loaded:
            self.present(now_ms)
        return _STEP_MS

    def unload(self, name):
        """Forget a module that was needed for a moment."""
        self.loaded = True
        self.board.unload(name)

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
        self._taken = count
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
            self._judged = True
        if status == field.OK and now_ms - self._judged_ms > _OLD_MS:
            status = field.SEARCHING
        if not self._started:
            status = field.STARTING
        if (
            status != field.NO_FINGER
            or self.board.leds_fixed
            or out[field.RED_DC_ADC] > _DEAD_ADC
            or out[field.IR_DC_ADC] > _DEAD_ADC
        ):
            self._glow_ms = now_ms
        elif now_ms - self._glow_ms >= _GLOW_MS:
            status = field.SENSOR_FAULT
            flags |= field.FLAG_FAULT_DEAD_LED
        if now_ms - self._ambient_ms <= _AMBIENT_MS:
            status = field.TOO_BRIGHT
        if self.settings.swap_confirmed and not self.settings.leds_swapped:
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
            if not pulsing or self.board.CHANNELS != 3:
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
            self.view.redraw()

    def _blame_bus(self):
        held = not self.board.sensor_sda.value()
        self._cause = field.FLAG_FAULT_BUS if held else field.FLAG_FAULT_NACK

    def _tend(self, now_ms):
        """The cable, the button, the battery, and a sensor that is silent."""
        board = self.board
        cable = False
        if board.is_product and board.vbus is not None and not board.keep_awake:
            cable = board.vbus.value() == 1 and self.mode == terms.MODE_HOME
        if cable != self._on_cable:
            self._on_cable = cable
            self._heard_ms = now_ms
            self._started = False
            self._mended_ms = now_ms - _TEND_MS
            if cable:
                self._sleep_sensor()
            else:
                core.restart(self._core)
        pressed = self._button.step(now_ms)
        if pressed == button.SHORT:
            self.gesture(0, now_ms)
        elif pressed == button.HELD:
            self.gesture(1, now_ms)
        self.buzzer.step(now_ms)
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
        board = self.board
        try:
            if not board.sensor_sda.value():
                from oximeter.drivers import bus

                freed = bus.recover(board.sensor_scl, board.sensor_sda, board.sleep_us)
                self.unload("oximeter.drivers.bus")
                if not freed:
                    # A software bus takes a held line for an acknowledge: it must not be asked.
                    raise OSError
            sensor = self._driver
            sensor.bus = board.sensor_bus()
            sensor.swapped = self.settings.leds_swapped == 1
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
        self.unload("oximeter.drivers.beginning")

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
            self.battery_pct = field.NONE
            self._battery_low = self._battery_weak = False
            return
        self.battery_pct = self._battery.percent()
        self._battery_weak = self.battery_pct < (_STRONG_PCT if self._battery_weak else _WEAK_PCT)
        # Without the gap the cells' recovery would let numbers come and go.
        self._battery_low = mv < (_ENOUGH_MV if self._battery_low else _LOW_MV)

    def _warm(self):
        """Tell the core how warm the die was, and have it measured again."""
        centi_c = self._sensor.temperature_centi_c()
        if centi_c and 0 < centi_c < 5000:  # anything else is no temperature of a finger's sensor
            core.set_die(self._core, centi_c)
            self._die_centi_c = centi_c
        self._sensor.start_temperature()

    def _aim(self):
        """Bring each light to where the core wants it."""
        out = self.reading
        red_ua = ir_ua = _START_UA
        # With no finger there, more light would only blind the one that comes. What returns from
        # the case grows with the current, so it is judged by what it were at the first one.
        if self._at_start_adc(out[field.IR_DC_ADC], self._ir_ua) >= _FINGER_ADC:
            red_ua = _wanted_ua(out[field.RED_DC_ADC], self._red_ua)
            ir_ua = _wanted_ua(out[field.IR_DC_ADC], self._ir_ua)
            if self._battery_weak:
                red_ua = min(red_ua, _SPARING_UA)
                ir_ua = min(ir_ua, _SPARING_UA)
        if red_ua != self._red_ua or ir_ua != self._ir_ua:
            self.light(red_ua, ir_ua)

    def light(self, red_ua, ir_ua):
        """Both lights at these currents from here on. Raises what the driver does."""
        self._driver.set_led_ua(red_ua, ir_ua)
        self._brightest_ua = max(ir_ua, self._ir_ua)
        self._red_ua = red_ua
        self._ir_ua = ir_ua
        self._events |= field.EVENT_LEDS

    def _lead(self, now_ms):
        """The guide's next step, and what comes with it."""
        out = self.reading
        state = self.guide
        before = state[terms.PHASE]
        settled = out[field.SETTLED_CENTIPCT] != field.NONE
        awake = self.board.keep_awake or self.mode != terms.MODE_HOME or self._is_linked(now_ms)
        touched = self._touched(now_ms)
        changed = guide.step(state, out[field.STATUS], settled, touched, now_ms, awake)
        phase = state[terms.PHASE]
        if out[field.STATUS] == field.NO_FINGER:
            self._counted = False
            self._accepted_s = 0
            self._base_adc = 0
        if self._judged:
            self._judged = False
            if out[field.STATUS] == field.OK:
                self._accepted_s += 1
                if phase == terms.RESULT:
                    self._judge(settled, now_ms)
        if changed:
            self._news_ms = now_ms
            self._enter(before, phase, now_ms)
        if out[field.BEATS] != self._beats:
            self._beats = out[field.BEATS]
            if (phase == terms.LIVE or phase == terms.RESULT) and not self.buzzer.busy():
                self._beep(now_ms)

    def _touched(self, now_ms):
        """Whether something lies on the window, by the newest sample: the core wants to see more
        before it says so, and an old result may not wait for that. In blinding light nothing is
        seen: for a moment that counts as before, then as if the window had been free, since the
        finger that is there afterwards may be another."""
        if now_ms - self._ambient_ms < _BLIND_MS:
            self._there = self._there and now_ms - self._saw_ms < _BLINK_MS
            return self._there
        self._saw_ms = now_ms
        ir_ua = self._ir_ua
        if now_ms - self._aimed_ms < _OLD_LIGHT_MS:
            ir_ua = max(ir_ua, self._brightest_ua)
        else:
            self._brightest_ua = ir_ua
        self._there = self._at_start_adc(self._ir_adc[0], ir_ua) >= _FINGER_ADC
        return self._there

    def _at_start_adc(self, ir_adc, ir_ua):
        """What would come back at the first current; recordings keep what they have."""
        if self.board.leds_fixed:
            return ir_adc
        return ir_adc * (_START_UA // LED_STEP_UA) // (ir_ua // LED_STEP_UA)

    def _judge(self, settled, now_ms):
        """The verdict on the number that is shown: within a measurement it only gets worse, until
        the next settled reading speaks. What settled is kept, to be held."""
        out = self.reading
        before = self._verdict
        marks = self._marks()
        told = self._verdict_on(out[field.SPO2_CENTIPCT], marks)
        if settled:
            told = verdict.worse(told, self._verdict_on(out[field.SETTLED_CENTIPCT], marks))
            self._held_pct = verdict.rounded_half_down(out[field.SETTLED_CENTIPCT])
            self._held_bpm = self._pulse_bpm()
            self._held_marks = marks
            self._held_ms = now_ms
        else:
            told = verdict.worse(told, before)
        self._verdict = told
        if told & terms.VERDICT != before & terms.VERDICT:
            self._news_ms = now_ms
            self._paged_ms = now_ms  # the number first, then what it means now
            if told & terms.VERDICT > before & terms.VERDICT and self._counted:
                self._announce(now_ms)

    def _verdict_on(self, centipct, marks):
        out = self.reading
        sd_centipct = out[field.SPO2_SD_CENTIPCT]
        if sd_centipct > 0 and not self.board.leds_fixed:
            # The core cannot see light that has passed the finger by; it weighs the more, the less
            # of its own a finger returns.
            ir_adc = self._at_start_adc(out[field.IR_DC_ADC], self._ir_ua)
            sd_centipct += _STRAY_CENTIPCT_ADC // max(_FINGER_ADC, ir_adc)
        return verdict.judge(
            verdict.rounded_half_down(centipct),
            self._pulse_bpm(),
            sd_centipct,
            marks,
            self.settings,
        )

    def _marks(self):
        flags = self.reading[field.FLAGS]
        marks = self.marks
        if flags & field.FLAG_BELOW_RANGE:
            marks |= terms.MARK_BELOW_RANGE
        if flags & field.FLAG_SUSPECT_SWAP:
            marks |= terms.MARK_SUSPECT_SWAP
        time_s = self.board.time_s()
        if self.settings.baseline_holds(time_s // _DAY_S if time_s >= 0 else -1, self.person):
            marks |= terms.MARK_BASELINE
        return marks

    def _pulse_bpm(self):
        decibpm = self.reading[field.PULSE_DECIBPM]
        return field.NONE if decibpm == field.NONE else (decibpm + 5) // 10

    def _enter(self, before, phase, now_ms):
        """What a new phase begins with."""
        if phase == terms.RESULT:
            if not self._counted:
                self._count(now_ms)
                self._counted = True
            self._paged_ms = now_ms
        elif phase == terms.HELD:
            self._paged_ms = now_ms
        elif phase == terms.MEASURING and before != terms.LIVE:
            self.forget_held()
            if self.rhythm < 0 and not self.board.keep_awake:
                from oximeter import rhythm

                self.rhythm = rhythm.before(self.log, self.person)
                self.board.unload("rhythm")
            self._sound(buzzer.FINGER, now_ms)
        elif phase == terms.FAILED:
            self._sound(buzzer.ATTENTION, now_ms)
        elif phase == terms.FAULT:
            self.forget_held()
            self._sound(buzzer.FAULT, now_ms)
        elif phase == terms.OFF:
            self._switch_off()

    def _count(self, now_ms):
        """This finger's first settled reading: the one that is kept."""
        self._judge(True, now_ms)
        irregular = self.reading[field.FLAGS] & field.FLAG_IRREGULAR != 0
        if not self.board.keep_awake:
            from oximeter.link import keep

            keep.keep(self, now_ms, self._held_marks)
            self.unload("oximeter.link.keep")
            self.unload("oximeter.log_end")
        self.rhythm = (max(0, self.rhythm) << 1 | irregular) & 7
        self._announce(now_ms)

    def _announce(self, now_ms):
        """The verdict as a sound."""
        told = self._verdict & terms.VERDICT
        if told >= terms.DOCTOR:
            self._sound(buzzer.DOCTOR, now_ms)
        elif told == terms.ATTENTION:
            self._sound(buzzer.ATTENTION, now_ms)
        else:
            self._sound(buzzer.SETTLED, now_ms)

    def block(self):
        """The last samples as they came: how many, red, infrared, how many were lost before them,
        whether ambient light was too much, the currents of both lights in uA, the photocurrent at
        full scale in nA, and the die's temperature in 1/100 C (None: not known)."""
        sensor = self._driver
        seen = (self._taken, self._red_adc, self._ir_adc, sensor.lost, sensor.ambient)
        return seen + (self._red_ua, self._ir_ua, sensor.range_na, self._die_centi_c)

    def busy(self):
        """Whether a light sleep would cut off the radio, a tone or what the console sends."""
        return self.radio is not None or self.console.job is not None or self.buzzer.busy()

    def _is_linked(self, now_ms):
        """Somebody sits at the console, or a phone fetches what is stored."""
        return now_ms < self.console.until_ms or (self.radio is not None and self.radio.at >= 0)

    def forget_held(self):
        self._counted = False
        self._held_pct = field.NONE
        self._held_bpm = field.NONE
        self._verdict = terms.UNJUDGED

    def _switch_off(self):
        if self.board.keep_awake:
            guide.enter(self.guide, terms.INSERT, 0)
            return
        self.forget_held()
        self.buzzer.off()
        self._sleep_sensor()
        for i in range(field.STATUS, field.LENGTH):
            self.reading[i] = field.NONE
        self.reading[field.STATUS] = field.STARTING
        self.reading[field.FLAGS] = 0
        self.blank()

    def _sound(self, sound, now_ms):
        if not (self.settings.silent or self.board.keep_awake):
            self.buzzer.play(sound, now_ms)

    def _beep(self, now_ms):
        """A beat, the higher the more oxygen: 500 Hz at 70 %, 1000 at 100."""
        centipct = self.reading[field.SPO2_CENTIPCT]
        if centipct == field.NONE or self.settings.silent or self.board.keep_awake:
            return
        hz = 500 + (centipct - 7000) // 6
        self.buzzer.tone(min(1000, max(500, hz)), _BEEP_MS, now_ms)

    def go(self, phase, now_ms, anew=False):
        """To a phase by the button's will; anew: nothing was tried yet."""
        if anew:
            guide.forget(self.guide)
        guide.enter(self.guide, phase, now_ms)
        if phase == terms.OFF:
            self._switch_off()

    def gesture(self, held, now_ms):
        """What the button means here; menu.py knows, and need not stay in memory for it."""
        from oximeter import menu

        self._news_ms = now_ms
        menu.gesture(self, held, now_ms)
        self.unload("oximeter.menu")

    def present(self, now_ms):
        """Draw at most ten times a second, and only what is not shown already."""
        if now_ms - self._framed_ms < _FRAME_MS:
            return
        # In step with the clock, so that steps of 40 ms make ten frames a second.
        self._framed_ms = now_ms - now_ms % _FRAME_MS
        if not self._lit and now_ms - self._lit_ms < _TEND_MS:
            return
        view = self.view
        self._compose(view, now_ms)
        try:
            changed = screens.draw(self._display.canvas, view)
        except OSError:
            if self.settings.language == "zh":
                raise
            self.settings.language = "zh"  # what was chosen went with an update
            return
        try:
            if not self._lit:
                self._lit_ms = now_ms
                self._display.start(self.board.display_reset, self.board.sleep_ms)
                self._lit = True
                self._display.turn(self.settings.turned == 1)
            elif now_ms - self._lit_ms >= _RELIT_MS:
                self._lit_ms = now_ms
                self._display.wake()
                self._inverse = False
            elif changed:
                self._display.show_changed()
            self._dim(now_ms)
            self._flash(now_ms)
        except OSError:
            self._go_dark()

    def _compose(self, view, now_ms):
        """What the phase shows."""
        out = self.reading
        phase = self.guide[terms.PHASE]
        since_ms = now_ms - self.guide[terms.SINCE_MS]
        status = out[field.STATUS]
        page = since_ms // _PAGE_MS
        view.language = self.settings.language
        view.calibrated = self.settings.evidence == "human_sao2"
        # Nobody sees whose finger it is in light that blinds.
        held = phase == terms.HELD and status != field.TOO_BRIGHT
        view.old = held
        view.spo2_pct = field.NONE
        view.pulse_bpm = self._pulse_bpm()
        view.marks = self._held_marks
        view.verdict = self._verdict
        view.perfusion_millipct = out[field.PERFUSION_MILLIPCT]
        view.quality = max(0, out[field.QUALITY])
        view.wave_at = self.wave_at
        view.battery_pct = self.battery_pct
        view.progress = 0
        view.count = 0
        view.phone = self.settings.phone
        number = status
        if self.mode == terms.MODE_RECORDING:
            number = picture.RECORDING
        elif phase == terms.SELF_TEST:
            number = picture.SETTINGS_LOST if self.settings.lost else picture.SELF_TEST
            view.progress = min(10, since_ms * 10 // _SELF_TEST_MS) * 10
        elif phase == terms.INSERT:
            if status != field.STARTING:
                number = field.NO_FINGER
                if self.settings.lost and page & 1:
                    number = picture.SETTINGS_LOST
        elif phase == terms.MEASURING:
            number = self._hint(status, page)
            view.progress = min(9, since_ms * 10 // _FIRST_MS) * 10
        elif phase == terms.LIVE:
            number = field.OK
            view.spo2_pct = verdict.rounded_half_down(out[field.SPO2_CENTIPCT])
            view.marks = self._marks()
            view.progress = min(95, self._accepted_s * 100 // _SETTLING_S)
        elif phase == terms.RESULT:
            number = self._page((now_ms - self._paged_ms) // _PAGE_MS)
            view.spo2_pct = verdict.rounded_half_down(out[field.SPO2_CENTIPCT])
            view.marks = self._marks()
        elif held:
            number = self._page((now_ms - self._paged_ms) // _PAGE_MS)
            view.spo2_pct = self._held_pct
            view.pulse_bpm = self._held_bpm
            view.count = (now_ms - self._held_ms) // 1000
        elif phase == terms.OTHER_FINGER:
            number = picture.OTHER_FINGER
        elif phase == terms.FAILED:
            number = picture.FAILED
        elif phase == terms.FAULT:
            if status == field.SENSOR_FAULT:
                number = picture.FAULT + _fault_index(out[field.FLAGS])
        elif phase == terms.MENU:
            number = picture.MENU + self.item
        elif phase == terms.RECORDS:
            number = self._recorded(view)
        elif phase == terms.PERSON:
            number = picture.PERSON + self.person
        elif phase == terms.NOTICE:
            number = self.notice
        elif phase == terms.LINK:
            number = picture.LINK
            view.count = max(0, self.guide[terms.LIMIT_MS] - since_ms) // 1000
        view.picture = number

    def _page(self, page):
        """A result is a number, a verdict in words, and what no number may silence."""
        irregular = self.rhythm in (3, 5, 6, 7)
        page %= 3 + self.settings.winter + irregular
        if page == 0:
            return picture.RESULT
        if page == 1:
            return picture.WORDS + (self._verdict & terms.VERDICT)
        if page == 2:
            return picture.DISTRESS
        return picture.WINTER if self.settings.winter and page == 3 else picture.IRREGULAR

    def _hint(self, status, page):
        """What to do about a signal that gives no number."""
        if status != field.WEAK_PULSE:
            return status if status != field.OK else field.SEARCHING
        adc = self._at_start_adc(self.reading[field.IR_DC_ADC], self._ir_ua)
        if self._base_adc == 0:
            self._base_adc = adc
        # Pressed until the pulse is gone, a finger returns 5 % more.
        if adc - self._base_adc > self._base_adc // 40:
            return picture.TOO_HARD
        return (field.WEAK_PULSE, picture.CLEAN, picture.TOO_HARD)[page % 3]

    def _recorded(self, view):
        if self.record_at < 0:
            return picture.NO_RECORDS
        record = self.log.record
        view.old = True
        view.spo2_pct = verdict.rounded_half_down(record[field.SPO2_CENTIPCT])
        decibpm = record[field.PULSE_DECIBPM]
        view.pulse_bpm = field.NONE if decibpm < 0 else (decibpm + 5) // 10
        view.marks = record[field.MARKS]  # of then, as the calibration
        view.calibrated = view.marks & terms.MARK_HUMAN_SAO2 != 0
        view.count = -self.ordinal
        return picture.RESULT

    def _flash(self, now_ms):
        """A red verdict flashes in inverse: its colour, on a display that has none."""
        red = self.guide[terms.PHASE] == terms.RESULT
        red = red and self._verdict & terms.VERDICT >= terms.DOCTOR
        inverse = red and now_ms // _FLASH_MS & 1 == 1 and self.view.picture != picture.DISTRESS
        if inverse != self._inverse:
            self._inverse = inverse
            self._display.invert(inverse)

    def _dim(self, now_ms):
        """The display as bright as it has to be; a verdict that sends somebody to a doctor always
        is."""
        phase = self.guide[terms.PHASE]
        dimming = self.settings.dimming
        level = BRIGHT
        if dimming and not (
            (phase == terms.RESULT or phase == terms.HELD)
            and self._verdict & terms.VERDICT >= terms.DOCTOR
        ):
            seen = now_ms - self._news_ms >= _LOOKED_MS
            if seen or self._battery_weak or (dimming == 2 and _is_night(self.board.time_s())):
                level = DIM
        if level != self._level:
            self._display.contrast(level)
            self._level = level

    def blank(self):
        """Nothing on the display, whatever state it is in."""
        self._go_dark()
        self.view.redraw()
        try:
            self._display.blank()  # for a display whose reset is not wired
        except OSError:
            return

    def _go_dark(self):
        """By the reset line, which needs no bus. The display is started again when it is due."""
        self.board.display_reset.value(0)
        self._lit = False

    def turn(self):
        """The picture the other way up, and so at the next start."""
        self.settings.turned ^= 1
        if self._lit:
            try:
                self._display.turn(self.settings.turned == 1)
            except OSError:
                self._go_dark()
        self.save()

    def follow_settings(self):
        """At the start, and when the console has changed them."""
        core.set_curve(self._core, *self.settings.curve_q20())
        self.view.redraw()

    def save(self, changes=()):
        """The settings, and with them changes, (name, value) each, which `refused` then tells of.

        In steps without a frame: what asks for it still fills the memory, and what it has changed
        is to be seen first.
        """
        self._changes = changes or self._changes
        self.unsaved = 2

    def _save(self):
        """The code in one step, the record in the next."""
        from oximeter import storing

        self.loaded = True
        self.unsaved -= 1
        if self.unsaved:
            return
        changes, self._changes = self._changes, ()
        try:
            storing.change(self.board.DATA_DIR, self.settings, changes)
            if changes:
                self.follow_settings()
        except (OSError, ValueError) as error:
            if changes:  # else a full flash must not stop the measurement
                self.refused = error
        self.unload("oximeter.storing")


def _is_night(time_s):
    """Whether it is dark outside at this time (UTC since 2000-01-01); never without a clock."""
    return time_s >= 0 and not _MORNING_H <= (time_s // 3600 + 8) % 24 < _EVENING_H


def _wanted_ua(dc_adc, led_ua):
    return led_ua if dc_adc < _DARK_ADC else core.propose_led_ua(dc_adc, led_ua)


def _fault_index(flags):
    """The first fault among the flags, in the order of core/field.py."""
    index = 0
    flag = field.FLAG_FAULT_NACK
    while flag < field.FLAG_FAULT_DEAD_LED and not flags & flag:
        flag <<= 1
        index += 1
    return index
