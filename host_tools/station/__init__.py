"""The factory's test station: what is measured on which unit, and who may go on."""
