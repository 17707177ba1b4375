"""The device's chips at register level: what the firmware's drivers talk to off the hardware."""
