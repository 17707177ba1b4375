"""The reading: what the core hands out about once a second, as one flat array of integers.

This is the one place where its fields, the status words and the flags have their numbers. The
names are those of the replay contract; NONE stands wherever there is no value, never 0.
"""

# Fields of a reading.
SEQ = 0  # counts evaluations
T_MS = 1  # time of the newest sample behind this reading
STATUS = 2
FLAGS = 3
SPO2_CENTIPCT = 4
SPO2_SD_CENTIPCT = 5
PULSE_DECIBPM = 6
PERFUSION_MILLIPCT = 7
RATIO_Q12 = 8
RATE_MILLIHZ = 9  # the sensor's own sample rate, measured
IR_DC_ADC = 10
RED_DC_ADC = 11
WAVE = 12  # newest point of the pulse wave for the screen, -127 … 127, up is more blood
BEATS = 13  # counts accepted beats
QUALITY = 14  # 0 … 100
SETTLED_CENTIPCT = 15  # value of the settled reading, NONE while not settled
LENGTH = 16
# What a stored reading has besides (log.py); its SEQ counts records, its SpO2 is the settled one.
TIME_S = 16  # since 2000-01-01 UTC; NONE where the clock was never set
UPTIME_S = 17  # since this start of the device
BOOT = 18  # counts the starts in which something was stored
PERSON = 19  # 0: unknown
MARKS = 20  # of terms.py
STORED_LENGTH = 21

NONE = -1

STATUS_NAMES = (
    "ok",
    "starting",
    "searching",
    "weak_pulse",
    "motion",
    "no_finger",
    "too_bright",
    "saturated",
    "sensor_fault",
    "leds_swapped",
    "low_battery",
    "usb_power",
)
OK = 0
STARTING = 1
SEARCHING = 2
WEAK_PULSE = 3
MOTION = 4
NO_FINGER = 5
TOO_BRIGHT = 6
SATURATED = 7
SENSOR_FAULT = 8
LEDS_SWAPPED = 9
LOW_BATTERY = 10
USB_POWER = 11

FLAG_NAMES = (
    "settled",
    "irregular",
    "low_perfusion",
    "below_range",
    "suspect_swap",
    "fault:nack",
    "fault:bus",
    "fault:fifo",
    "fault:id",
    "fault:dead_led",
)
FLAG_SETTLED = 1
FLAG_IRREGULAR = 2
FLAG_LOW_PERFUSION = 4
FLAG_BELOW_RANGE = 8
FLAG_SUSPECT_SWAP = 16
FLAG_FAULT_NACK = 32
FLAG_FAULT_BUS = 64
FLAG_FAULT_FIFO = 128
FLAG_FAULT_ID = 256
FLAG_FAULT_DEAD_LED = 512

# What a block of samples may arrive with.
EVENT_LOST = 1  # samples were lost before this block
EVENT_AMBIENT = 2  # the sensor's ambient light cancellation overflowed
EVENT_LEDS = 4  # LED current or range changed before this block
EVENT_NACK = 8  # nothing could be read
