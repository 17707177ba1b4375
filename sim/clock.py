"""Virtual time. Everything in a simulated device reads this clock and nothing else tells time."""


class Clock:
    def __init__(self) -> None:
        self.now_us = 0

    def advance_us(self, us: int) -> None:
        self.now_us += us

    @property
    def now_ms(self) -> int:
        return self.now_us // 1000
