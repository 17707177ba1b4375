"""What is soldered to the microcontroller. Buses and pins are passed in; none knows a clock."""
