"""What leaves the device: over USB when somebody asks, over Bluetooth when the owner begins it.

What is seldom used is imported for as long as it is used, and then unloaded.
"""
