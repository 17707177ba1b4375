"""What makes one unit different from the next: the defaults of its settings.

Apart from settings.py and storing.py, which read and store them, so that neither need stay in a
device's memory.
"""


class Settings:
    """The defaults; settings.load gives the stored ones."""

    def __init__(self):
        self.leds_swapped = 0  # 1: red and infrared are exchanged on this board; put right by us
        self.swap_confirmed = 0  # 1: the factory or a maker has seen that they are exchanged
        self.turned = 0  # 1: the picture is turned by 180 degrees
        self.evidence = "none"  # none, secondary (against an oximeter), human_sao2
        self.language = "zh"  # of a pack beside ui/screens.py
        self.controller = ""  # of the display; empty: what the board was designed with
        self.silent = 0  # 1: no sound at all
        self.dimming = 1  # of the display: 0 never; 1 when nothing new is on it, and on weak
        # cells; 2 at night as well
        self.winter = 0  # 1: people heat with coal; every result is followed by a word on it
        self.phone = ""  # of the village doctor: up to 16 figures, + - and blanks
        # SpO2 = a R^2 + b R + c: Maxim's finger curve (AN6845, UG7087)
        self.curve_e7 = (15958422, -346596622, 1126898759)
        self.date = 0  # of the calibration, as 20261124; 0: never
        self.batch = ""  # of the calibration, up to 16 plain characters
        # Of one person with a chronic disease, set by the clinic: (day since 2000-01-01, percent)
        # of three settled readings on at least two days. Empty: none.
        self.baseline = ()
        self.baseline_person = 0  # whose it is: 1 to 4, or 0 for whoever chooses nobody
        self.lost = False  # a record was there and no good: these are the defaults. Not stored

    def curve_q20(self):
        """The curve as the core wants it: percent in Q20."""
        return tuple([((e7 << 20) + 5000000) // 10000000 for e7 in self.curve_e7])

    def baseline_pct(self):
        """The median of the three readings; -1 where there is no baseline."""
        return sorted([pct for _, pct in self.baseline])[1] if self.baseline else -1

    def baseline_holds(self, day, person):
        """Whether it counts on this day since 2000-01-01: for 90 days and its person alone, and
        never without a clock that was set (-1)."""
        if not self.baseline or day < 0 or person != self.baseline_person:
            return False
        newest = max([set_on for set_on, _ in self.baseline])
        return 0 <= day - newest <= 90
