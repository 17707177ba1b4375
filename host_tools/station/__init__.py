"""The factory's test station: what is measured, on which unit, in which order, and who may go on."""
